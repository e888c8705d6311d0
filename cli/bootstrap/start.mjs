// node cli/bootstrap/start.mjs TOOL ARGS...: runs a tool of this checkout (stillhouse, vitest or tsx), after
// checking Node and installing what is missing. What follows the check is loaded late, as an old Node would stop
// at its syntax before it could say that it is old.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeVersionProblem } from "./node-version.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const problem = nodeVersionProblem(process.versions.node);
if (problem === null) {
  import("./run-tool.mjs").then((tools) =>
    tools.runToolAndExit(root, process.argv[2], process.argv.slice(3)),
  );
} else {
  console.error(problem);
  process.exitCode = 1;
}
