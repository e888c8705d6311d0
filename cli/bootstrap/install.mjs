import { existsSync } from "node:fs";
import { join } from "node:path";
import { BootstrapError } from "./bootstrap-error.mjs";
import { runForeground } from "./child.mjs";
import { withInstallLock } from "./install-lock.mjs";
import { installReason, writeStamp } from "./install-stamp.mjs";
import { installNative, nativeIsWanted } from "./native.mjs";
import { findNpm } from "./npm.mjs";
import { describeOnnxRuntime } from "./onnx.mjs";

/** @typedef {import("./types.ts").InstallOptions} InstallOptions */

/**
 * @param {InstallOptions} options
 * @returns {Promise<{ installed: boolean }>}
 */
export async function ensureInstalled({ root, log, env = process.env, native = {} }) {
  if (!existsSync(join(root, "package-lock.json"))) {
    throw new BootstrapError(
      `Cannot install the dependencies in ${root}: it has no package-lock.json. Run from a clone of the repository.`,
      { root },
    );
  }
  if ((await installReason(root)) === null && !nativeIsWanted(root, env)) return { installed: false };
  return await withInstallLock(root, log, async () => {
    // Another process may have installed while this one waited.
    const reason = await installReason(root);
    if (reason !== null) {
      await npmCi(root, reason, log, env);
      await writeStamp(root);
      log(describeOnnxRuntime(root));
    }
    if (reason !== null || nativeIsWanted(root, env)) log(await installNative(root, { log, env, ...native }));
    return { installed: reason !== null };
  });
}

/**
 * @param {string} root
 * @param {string} reason
 * @param {(line: string) => void} log
 * @param {NodeJS.ProcessEnv} env
 */
async function npmCi(root, reason, log, env) {
  const npm = findNpm(env);
  if (npm === null) {
    throw new BootstrapError(
      `Cannot install the dependencies in ${root} (${reason}): npm was found neither beside ` +
        `${process.execPath} nor on PATH. Install npm, then run \`npm ci\` there.`,
      { root, reason },
    );
  }
  log(`installing the dependencies (${reason}) ...`);
  const start = performance.now();
  /** @param {string[]} command */
  const run = (...command) =>
    // Tests and TypeScript are development dependencies: a clone needs them under NODE_ENV=production too.
    runForeground(npm.command, [...npm.args, ...command, "--no-audit", "--no-fund", "--include=dev"], {
      cwd: root,
      env,
      capture: true,
    });
  let command = "npm ci";
  let end = await run("ci");
  if (end.code !== 0 && /EUSAGE[\s\S]*in sync/.test(end.output)) {
    // A lock file written against a registry that lacks the packages of other platforms does not list them, and
    // npm ci refuses it everywhere. This keeps the versions that it does list, and leaves the file as it is.
    command = "npm install --no-save";
    log(`npm ci refused package-lock.json (${firstMissing(end.output)}): using ${command}`);
    end = await run("install", "--no-save");
  }
  if (end.code !== 0) {
    const how = end.code === null ? `was ended by ${end.signal}` : `ended with exit code ${end.code}`;
    throw new BootstrapError(
      `Cannot install the dependencies in ${root}: \`${command}\` ${how}. ` +
        `Try \`${command}\` there by hand. It said:\n${cause(end.output)}`,
      { root, command, code: end.code, signal: end.signal },
    );
  }
  log(`installed the dependencies in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/**
 * The part of npm's output that says what is wrong: from its error code on, as its usage may follow.
 * @param {string} output
 */
function cause(output) {
  const lines = output.split("\n").filter((line) => line.trim() !== "" && line.trim() !== "npm error");
  const first = lines.findIndex((line) => line.startsWith("npm error code"));
  return (first < 0 ? lines.slice(-15) : lines.slice(first, first + 15)).join("\n");
}

/** @param {string} output */
function firstMissing(output) {
  const missing = [...output.matchAll(/(?:Missing|Invalid): .*/g)].map(([line]) => line);
  return missing.length > 1 ? `${missing[0]}, and ${missing.length - 1} more` : (missing[0] ?? "out of sync");
}
