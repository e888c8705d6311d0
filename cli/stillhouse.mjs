#!/usr/bin/env node
// The command `stillhouse`. In a clone it runs the TypeScript source, after installing what is missing; in the
// published package it runs the compiled files in this process. Node is checked first, as in start.mjs.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeVersionProblem } from "./bootstrap/node-version.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const problem = nodeVersionProblem(process.versions.node);
if (problem !== null) {
  console.error(problem);
  process.exitCode = 1;
} else if (existsSync(join(here, "main.ts"))) {
  import("./bootstrap/run-tool.mjs").then((tools) =>
    tools.runToolAndExit(join(here, ".."), "stillhouse", process.argv.slice(2)),
  );
} else {
  import("../dist/cli/main.js");
}
