import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
  // Linked into place with its content: a lock is never seen empty.
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    takeOver(path, what, draft);
  } finally {
    rmSync(draft, { force: true });
  }
  return () => rmSync(path, { force: true });
}

function takeOver(path: string, what: string, draft: string): void {
  for (;;) {
    try {
      linkSync(draft, path);
      return;
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
    removeStale(path, holder);
  }
}

/** Moved aside first, and put back if it is not the lock that was looked at: another process was quicker. */
function removeStale(path: string, holder: number | undefined): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (holderOf(aside) === holder) rmSync(aside, { force: true });
  else renameSync(aside, path);
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
