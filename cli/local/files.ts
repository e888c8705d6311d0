import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, StillhouseError } from "../../shared/errors.ts";

/** The JSON in a file, or undefined where there is no such file. @throws SyntaxError for a file that is not JSON */
export function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return JSON.parse(text);
}

/** Makes a folder that the user named, where it is not there. @throws StillhouseError where it cannot be one */
export function makeFolder(path: string, what: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new StillhouseError(
      `Cannot use ${what} as its folder cannot be made (${messageOf(cause)}): choose another`,
      { fields: { path }, cause },
    );
  }
}

/** Writes a file whole or not at all: under another name first, then renamed. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, content);
  renameSync(draft, path);
}

/** Whether a process of this machine lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return !isUncollected(pid);
}

/** It has ended, and its parent has not asked how: in a container whose first process never asks, it stays for ever. */
function isUncollected(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // "pid (name) state ...", and a name may hold brackets.
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    // Only Linux tells; elsewhere the first process collects.
    return false;
  }
}
