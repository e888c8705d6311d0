import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachedNatsPath, downloadNats, PINNED_NATS } from "./nats-download.mjs";
import { packagedNatsPath, takeNatsFromApt } from "./nats-package.mjs";
import { checkNatsBinary, MINIMUM_NATS } from "./nats-version.mjs";

/**
 * @typedef {import("./types.ts").FindNatsOptions} FindNatsOptions
 * @typedef {import("./types.ts").NatsServer} NatsServer
 */

/** Where Debian and manual installations put servers; the PATH of a user who is not root lacks them. */
const SYSTEM_DIRS = ["/usr/local/sbin", "/usr/sbin"];

/**
 * @param {FindNatsOptions} [options]
 * @returns {Promise<NatsServer>}
 */
export async function findNatsServer(options = {}) {
  const { env = process.env, platform = process.platform, arch = process.arch, log = () => {} } = options;
  const cacheDir = options.cacheDir ?? defaultCacheDir(env, platform);
  /** @type {string[]} */
  const reasons = [];

  if (options.ignoreUrl !== true && env.NATS_URL) return { kind: "url", url: env.NATS_URL };

  if (env.NATS_SERVER_BIN) {
    // Set on purpose: another server in its place would hide the mistake.
    const checked = await checkNatsBinary(env.NATS_SERVER_BIN);
    if ("version" in checked) return { kind: "binary", path: env.NATS_SERVER_BIN, ...checked, source: "env" };
    return {
      kind: "none",
      reasons: [`NATS_SERVER_BIN: ${checked.problem}`],
      fix: "Set NATS_SERVER_BIN to the path of a nats-server, or unset it to have one looked for.",
    };
  }

  for (const path of onPath(env, platform, options.systemDirs ?? SYSTEM_DIRS)) {
    const checked = await checkNatsBinary(path);
    if ("version" in checked) return { kind: "binary", path, ...checked, source: "path" };
    reasons.push(`PATH: ${checked.problem}`);
  }
  if (reasons.length === 0) reasons.push("PATH: it holds no nats-server");

  for (const path of [cachedNatsPath(cacheDir, platform, arch), packagedNatsPath(cacheDir, arch)]) {
    if (!isExecutable(path)) continue;
    const checked = await checkNatsBinary(path);
    if ("version" in checked) return { kind: "binary", path, ...checked, source: "cache" };
    reasons.push(`cache: ${checked.problem}`);
  }

  if (options.allowDownload !== false) {
    try {
      return {
        kind: "binary",
        ...(await downloadNats({ ...options, cacheDir, platform, arch, log })),
        source: "download",
      };
    } catch (error) {
      reasons.push(`download of ${PINNED_NATS}: ${messageOf(error)}`);
    }
  }
  if (options.allowPackageManager !== false && platform === "linux") {
    try {
      return {
        kind: "binary",
        ...(await takeNatsFromApt({ cacheDir, arch, env, log })),
        source: "package-manager",
      };
    } catch (error) {
      reasons.push(`package manager: ${messageOf(error)}`);
    }
  }
  return { kind: "none", reasons, fix: fixFor(platform, options.ignoreUrl === true) };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} platform
 */
export function defaultCacheDir(env, platform) {
  if (env.STILLHOUSE_CACHE) return env.STILLHOUSE_CACHE;
  if (platform === "win32")
    return join(env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "stillhouse");
  // The XDG specification has relative paths ignored.
  const xdg = env.XDG_CACHE_HOME;
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "stillhouse");
  return join(env.HOME ?? homedir(), ".cache", "stillhouse");
}

/**
 * @param {string} url
 */
export function withoutCredentials(url) {
  // Up to the last "@": a list of servers, or a password with an unescaped "@", must not leave a part behind.
  return url.replace(/^.*@/s, "***@");
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} platform
 * @param {readonly string[]} systemDirs
 */
function onPath(env, platform, systemDirs) {
  const name = platform === "win32" ? "nats-server.exe" : "nats-server";
  const dirs = [...(env.PATH ?? env.Path ?? "").split(delimiter), ...systemDirs].filter((dir) => dir !== "");
  return [...new Set(dirs.map((dir) => join(dir, name)))].filter(isExecutable);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * @param {string} platform
 * @param {boolean} binaryNeeded
 */
function fixFor(platform, binaryNeeded) {
  const byPlatform = /** @type {Record<string, string>} */ ({
    linux: "`apt-get install nats-server` on Debian and Ubuntu",
    darwin: "`brew install nats-server`",
    win32: "`winget install NATSAuthors.NATSServer`",
  });
  const how = byPlatform[platform];
  return (
    `Install nats-server ${MINIMUM_NATS} or newer${how === undefined ? "" : ` (${how})`}; ` +
    `or unpack its release ${PINNED_NATS} and set NATS_SERVER_BIN to the binary` +
    (binaryNeeded ? "." : "; or set NATS_URL to a running server with JetStream.")
  );
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {NatsServer} found */
export function describeNatsServer(found) {
  if (found.kind === "url") return `NATS server: ${withoutCredentials(found.url)} (from NATS_URL)`;
  if (found.kind === "binary")
    return `NATS server: ${found.path}, version ${found.version} (from ${found.source})`;
  return ["NATS server: none", ...found.reasons.map((reason) => `  ${reason}`), found.fix].join("\n");
}

const script = process.argv[1];
if (script !== undefined && isThisFile(script)) {
  const found = await findNatsServer({ log: (line) => console.error(line) });
  console.log(describeNatsServer(found));
  process.exitCode = found.kind === "none" ? 1 : 0;
}

/** @param {string} path */
function isThisFile(path) {
  try {
    return realpathSync(path) === fileURLToPath(import.meta.url);
  } catch {
    return false;
  }
}
