import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { checkNatsBinary } from "./nats-version.mjs";

const TOTAL_MS = 180_000;

/**
 * The path of a server that was taken from the distribution's package.
 * @param {string} cacheDir
 * @param {string} arch as `process.arch`
 */
export function packagedNatsPath(cacheDir, arch) {
  return join(cacheDir, `nats-server-apt-${arch}`);
}

/**
 * Takes the server out of the package of Debian or Ubuntu, and puts it into the cache. Nothing is installed:
 * the package would also start a system service, which nobody asked for, and fetching it needs no root.
 * @param {{ cacheDir: string, arch: string, env: NodeJS.ProcessEnv, log: (line: string) => void }} options
 * @returns {Promise<{ path: string, version: string }>}
 * @throws Error whose message is the reason
 */
export async function takeNatsFromApt({ cacheDir, arch, env, log }) {
  const end = performance.now() + TOTAL_MS;
  await mkdir(cacheDir, { recursive: true });
  const draft = await mkdtemp(join(cacheDir, ".draft-"));
  /** @param {string} command @param {string[]} args */
  const run = async (command, args) => {
    const timeout = Math.max(1, Math.ceil(end - performance.now()));
    const options = { cwd: draft, env: { ...env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" }, timeout };
    await promisify(execFile)(command, args, options);
  };
  const download = () => run("apt-get", ["download", "-q", "nats-server"]);
  try {
    log("nats-server: taking it from the system's package ...");
    try {
      await download();
    } catch (error) {
      // A fresh container image has no package lists; only root may fetch them.
      if (process.getuid?.() !== 0) throw error;
      await run("apt-get", ["update", "-q"]);
      await download();
    }
    const file = (await readdir(draft)).find((name) => name.endsWith(".deb"));
    if (file === undefined) throw new Error("apt-get left no package");
    await run("dpkg-deb", ["-x", file, "package"]);
    const binary = join(draft, "package", "usr", "sbin", "nats-server");
    const checked = await checkNatsBinary(binary);
    if ("problem" in checked) throw new Error(checked.problem.replace(binary, "the package's nats-server"));
    const path = packagedNatsPath(cacheDir, arch);
    await rename(binary, path);
    log(`nats-server: put version ${checked.version} at ${path}`);
    return { path, version: checked.version };
  } catch (error) {
    throw new Error(reasonOf(error));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** @param {unknown} error */
function reasonOf(error) {
  const { message, stderr, killed } = /** @type {{ message: string, stderr?: string, killed?: boolean }} */ (
    error
  );
  if (message === "spawn apt-get ENOENT") return "this system has no apt-get";
  if (killed === true) return `apt-get did not end within ${TOTAL_MS / 1000} s`;
  const told = stderr?.split("\n").find((line) => line.startsWith("E:"));
  return told === undefined ? (message.split("\n")[0] ?? message) : `apt-get says "${told.slice(2).trim()}"`;
}
