import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { BootstrapError } from "./bootstrap-error.mjs";
import { exitCodeOf, runForeground } from "./child.mjs";
import { ensureInstalled } from "./install.mjs";
import { describeNatsServer, findNatsServer } from "./nats-server.mjs";

/**
 * Installs what is missing, then runs a tool of this checkout to its end.
 * @param {string} root the folder of package.json
 * @param {string | undefined} tool
 * @param {readonly string[]} args
 * @returns {Promise<number>} the tool's exit code
 * @throws BootstrapError when the tool is unknown or the dependencies cannot be installed
 */
export async function runTool(root, tool, args) {
  if (tool !== "stillhouse" && tool !== "vitest" && tool !== "tsx") {
    throw new BootstrapError(
      `Cannot start ${tool === undefined ? "nothing" : `"${tool}"`}: expected stillhouse, vitest or tsx.`,
    );
  }
  // stdout belongs to the tool: its output may be read by a program.
  const log = (/** @type {string} */ line) => console.error(`stillhouse: ${line}`);
  await ensureInstalled({ root, log });

  // The tools of the checkout read paths from its root; the command itself is at home where the user is.
  const cwd = tool === "stillhouse" ? process.cwd() : root;
  let env = { ...process.env, TSX_TSCONFIG_PATH: join(root, "tsconfig.json") };
  if (tool === "vitest") env = { ...env, ...(await natsForTests(log)) };
  const end = await runForeground(process.execPath, [...nodeArgs(root, tool), ...args], { cwd, env });
  return exitCodeOf(end);
}

/**
 * What node is to run for a tool.
 * @param {string} root
 * @param {"stillhouse" | "vitest" | "tsx"} tool
 */
function nodeArgs(root, tool) {
  const { resolve } = createRequire(join(root, "package.json"));
  if (tool === "vitest") return [join(dirname(resolve("vitest/package.json")), "vitest.mjs")];
  if (tool === "tsx") return [join(dirname(resolve("tsx/package.json")), "dist", "cli.mjs")];
  // As a loader and not through its command line: that would put one more process between us and the signals.
  return ["--import", pathToFileURL(resolve("tsx")).href, join(root, "cli", "main.ts")];
}

/**
 * Tests start servers of their own, so a running one in NATS_URL does not do.
 * @param {(line: string) => void} log
 */
async function natsForTests(log) {
  const found = await findNatsServer({ ignoreUrl: true, log });
  if (found.kind === "binary") return { NATS_SERVER_BIN: found.path };
  log(`tests that need a NATS server will fail. ${describeNatsServer(found)}`);
  return {};
}

/**
 * Runs a tool as the whole of this process: exits with its code, and prints errors that are meant for the user.
 * @param {string} root
 * @param {string | undefined} tool
 * @param {readonly string[]} args
 */
export async function runToolAndExit(root, tool, args) {
  try {
    process.exit(await runTool(root, tool, args));
  } catch (error) {
    console.error(error instanceof BootstrapError ? `stillhouse: ${error.message}` : error);
    process.exit(1);
  }
}
