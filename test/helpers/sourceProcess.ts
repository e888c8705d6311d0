import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

/** What node is started with for `stillhouse ARGS`, from the sources, in whatever folder. */
export function stillhouseArguments(args: readonly string[]): string[] {
  return ["--import", tsx, join(root, "cli", "main.ts"), ...args];
}
