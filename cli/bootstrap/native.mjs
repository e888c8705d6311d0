import { closeSync, existsSync, openSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runBounded } from "./child.mjs";
import { openUrl } from "./http.mjs";
import { findNpm } from "./npm.mjs";

const PACKAGE = "@tensorflow/tfjs-node-gpu";

/** What the package's own install script downloads, by platform and architecture (libtensorflow 2.9.1). */
const ARCHIVES = /** @type {Record<string, string>} */ ({
  "linux-x64": "tensorflow/libtensorflow/libtensorflow-gpu-linux-x86_64-2.9.1.tar.gz",
  "win32-x64": "tensorflow/libtensorflow/libtensorflow-gpu-windows-x86_64-2.9.1.zip",
  "linux-arm64": "tf-builds/libtensorflow_r2_7_linux_arm64.tar.gz",
  "darwin-x64": "tensorflow/libtensorflow/libtensorflow-cpu-darwin-x86_64-2.9.1.tar.gz",
  "darwin-arm64": "tf-builds/libtensorflow_r2_7_darwin_arm64_cpu.tar.gz",
});

/** @param {string} root */
const packageDir = (root) => join(root, "node_modules", ...PACKAGE.split("/"));

/**
 * Whether the user asked for the native TensorFlow and it is not there yet.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 */
export function nativeIsWanted(root, env) {
  return env.STILLHOUSE_NATIVE === "1" && existsSync(packageDir(root)) && !bindingIsThere(root);
}

/**
 * Runs the install script of the native TensorFlow, which npm left out. It downloads several hundred megabytes,
 * and hangs where the host of the download does not answer: so it runs only with a GPU (or when asked), after
 * the host has answered a probe, and never longer than a limit.
 * @param {string} root
 * @param {import("./types.ts").NativeOptions & {
 *   log: (line: string) => void, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>} the line that tells the user what was done or left out, and why
 */
export async function installNative(root, options) {
  const { log, env, probeMs = 3_000, limitMs = 600_000 } = options;
  /** @param {string} why */
  const leftOut = (why) => `native TensorFlow: left out (${why})`;

  if (env.STILLHOUSE_NATIVE === "0") return leftOut("STILLHOUSE_NATIVE=0");
  if (!existsSync(packageDir(root))) return leftOut(`${PACKAGE} is not installed`);
  if (bindingIsThere(root)) return "native TensorFlow: installed";
  if (env.STILLHOUSE_NATIVE !== "1" && !(options.gpuSeen ?? gpuIsSeen(env))) {
    return leftOut("no NVIDIA GPU seen; STILLHOUSE_NATIVE=1 tries anyway");
  }
  const probeUrl = options.probeUrl ?? archiveUrl(env);
  if (probeUrl === null) return leftOut(`no build for ${process.platform}-${process.arch}`);
  const problem = await probe(probeUrl, probeMs);
  if (problem !== null) return leftOut(`its download is out of reach: ${problem}`);
  const npm = findNpm(env);
  if (npm === null) return leftOut("npm was not found");

  log("native TensorFlow: downloading several hundred MB (STILLHOUSE_NATIVE=0 leaves it out) ...");
  const start = performance.now();
  const logFile = join(root, "node_modules", ".stillhouse-native.log");
  const outputFd = openSync(logFile, "w");
  const args = [...npm.args, "rebuild", PACKAGE, "--ignore-scripts=false", "--foreground-scripts"];
  try {
    const end = await runBounded(npm.command, args, { cwd: root, env, limitMs, outputFd });
    if (end.timedOut) return leftOut(`its install did not end within ${limitMs / 1000} s; see ${logFile}`);
    if (end.code !== 0 || !bindingIsThere(root)) return leftOut(`its install failed; see ${logFile}`);
  } catch (error) {
    return leftOut(`its install did not start: ${/** @type {Error} */ (error).message}`);
  } finally {
    closeSync(outputFd);
  }
  return `native TensorFlow: installed in ${((performance.now() - start) / 1000).toFixed(0)} s`;
}

/** @param {string} root */
function bindingIsThere(root) {
  const lib = join(packageDir(root), "lib");
  if (!existsSync(lib)) return false;
  return readdirSync(lib).some((folder) => existsSync(join(lib, folder, "tfjs_binding.node")));
}

/** @param {NodeJS.ProcessEnv} env */
function gpuIsSeen(env) {
  if (existsSync("/dev/nvidia0")) return true;
  const name = process.platform === "win32" ? "nvidia-smi.exe" : "nvidia-smi";
  const dirs = (env.PATH ?? env.Path ?? "").split(delimiter);
  return dirs.some((dir) => dir !== "" && existsSync(join(dir, name)));
}

/**
 * Where the package would download from; it reads the same variables.
 * @param {NodeJS.ProcessEnv} env
 */
function archiveUrl(env) {
  const archive = ARCHIVES[`${process.platform}-${process.arch}`];
  if (archive === undefined) return null;
  const host =
    env.TFJS_NODE_CDN_STORAGE ??
    env.npm_config_TFJS_NODE_CDN_STORAGE ??
    env.CDN_STORAGE ??
    "https://storage.googleapis.com/";
  return `${host}${archive}`;
}

/**
 * @param {string} url
 * @param {number} limitMs
 * @returns {Promise<string | null>} why the address does not serve, or null when it does
 */
async function probe(url, limitMs) {
  try {
    const answer = await openUrl(url, {
      method: "HEAD",
      connectMs: limitMs,
      idleMs: limitMs,
      totalMs: limitMs,
    });
    answer.destroy();
    return null;
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}
