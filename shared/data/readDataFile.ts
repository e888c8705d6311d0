import { readFile } from "node:fs/promises";
import { messageOf } from "../errors.ts";
import { DataFileUnreadable } from "./errors.ts";

/**
 * The bytes of a file that a spec names.
 * @param path where it is
 * @param written the path as the spec has it, for the error
 * @throws DataFileUnreadable
 */
export async function readDataFile(path: string, written: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new DataFileUnreadable(
      `Cannot read data file "${written}" (resolved to "${path}"): ${missing ? "no such file" : messageOf(cause)}; ` +
        "paths in a spec are relative to the spec file",
      { fields: { written, path }, cause },
    );
  }
}
