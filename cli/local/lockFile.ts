import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { StillhouseError } from "../../shared/errors.ts";
import { isAlive, makeFolder } from "./files.ts";

/** Somebody else holds a folder that only one may use. */
export class FolderLocked extends StillhouseError {}

/**
 * Takes a lock that names this process; a lock whose process is dead is taken over.
 * @returns releases it
 * @throws FolderLocked naming the process that holds it
 */
export function takeLockFile(path: string, what: string): () => void {
  makeFolder(dirname(path), what);
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = holderOf(path);
    // Each start of a container may give the same number, so what this process finds under its own is left from before.
    if (holder !== undefined && holder !== process.pid && isAlive(holder)) {
      throw new FolderLocked(
        `Cannot use ${what} as process ${holder} uses it: wait for it to end, or choose another`,
        {
          fields: { path, holder },
        },
      );
    }
    rmSync(path, { force: true });
  }
}

function holderOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "utf8"));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
