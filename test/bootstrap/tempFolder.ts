import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Removes a folder when the test ends; returns its path. */
export function removeAtEnd(path: string): string {
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** An empty folder for this test; its name has a space, as the folders of some users do. */
export function tempFolder(): string {
  return removeAtEnd(mkdtempSync(join(tmpdir(), "stillhouse bootstrap-")));
}
