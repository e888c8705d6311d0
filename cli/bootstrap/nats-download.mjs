import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { readUrl, saveUrl } from "./http.mjs";
import { checkNatsBinary } from "./nats-version.mjs";

/** The release that is downloaded when the machine has no NATS server. */
export const PINNED_NATS = "2.10.29";

const RELEASES = "https://github.com/nats-io/nats-server/releases/download";
const OS = /** @type {Record<string, string>} */ ({
  linux: "linux",
  darwin: "darwin",
  win32: "windows",
  freebsd: "freebsd",
});
const ARCH = /** @type {Record<string, string>} */ ({
  x64: "amd64",
  arm64: "arm64",
  arm: "arm7",
  ia32: "386",
  s390x: "s390x",
});
const DRAFT = ".draft-";
const ABANDONED_MS = 3_600_000;

/**
 * The path at which a downloaded server lies in the cache.
 * @param {string} cacheDir
 * @param {string} platform as `process.platform`
 * @param {string} arch as `process.arch`
 */
export function cachedNatsPath(cacheDir, platform, arch) {
  return join(
    cacheDir,
    `nats-server-${PINNED_NATS}-${platform}-${arch}${platform === "win32" ? ".exe" : ""}`,
  );
}

/**
 * Downloads the official release of the pinned version, checks it against the release's SHA256SUMS and puts the
 * binary into the cache. All work happens in a draft folder inside the cache; the binary appears by a rename, so
 * a killed download leaves no binary, and what it leaves is swept an hour later.
 * @param {{ cacheDir: string, platform: string, arch: string, log: (line: string) => void, fetchBase?: string,
 *   connectMs?: number, idleMs?: number, totalMs?: number }} options
 * @returns {Promise<{ path: string, version: string }>}
 * @throws Error whose message is the reason
 */
export async function downloadNats({ cacheDir, platform, arch, log, fetchBase = RELEASES, ...limits }) {
  const { connectMs = 5_000, idleMs = 10_000, totalMs = 120_000 } = limits;
  const os = OS[platform];
  const cpu = ARCH[arch];
  if (os === undefined || cpu === undefined) throw new Error(`no release is made for ${platform}-${arch}`);
  const folder = `nats-server-v${PINNED_NATS}-${os}-${cpu}`;
  const archive = `${folder}${os === "windows" ? ".zip" : ".tar.gz"}`;
  const release = `${fetchBase}/v${PINNED_NATS}`;
  const end = performance.now() + totalMs;
  const within = () => ({ connectMs, idleMs, totalMs: Math.max(1, end - performance.now()) });

  const sums = await readUrl(`${release}/SHA256SUMS`, within());
  const expected = sumOf(sums, archive);
  if (expected === null) throw new Error(`SHA256SUMS of v${PINNED_NATS} does not list ${archive}`);

  await mkdir(cacheDir, { recursive: true });
  await sweep(cacheDir);
  const draft = await mkdtemp(join(cacheDir, DRAFT));
  try {
    log(`nats-server: downloading version ${PINNED_NATS} ...`);
    await saveUrl(`${release}/${archive}`, join(draft, archive), within());
    const seen = await sha256(join(draft, archive));
    if (seen !== expected) {
      throw new Error(`${archive} has SHA-256 ${seen}, and SHA256SUMS says ${expected}`);
    }
    await unpack(draft, archive, platform);
    const binary = join(draft, folder, platform === "win32" ? "nats-server.exe" : "nats-server");
    await chmod(binary, 0o755);
    const checked = await checkNatsBinary(binary);
    if ("problem" in checked) throw new Error(checked.problem);
    const path = cachedNatsPath(cacheDir, platform, arch);
    await rename(binary, path);
    log(`nats-server: put version ${checked.version} at ${path}`);
    return { path, version: checked.version };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/**
 * @param {string} sums lines of `<hex>  <file>`
 * @param {string} file
 */
function sumOf(sums, file) {
  for (const line of sums.split("\n")) {
    const [hex, name] = line.trim().split(/\s+\*?/);
    if (name === file && hex !== undefined && /^[0-9a-f]{64}$/i.test(hex)) return hex.toLowerCase();
  }
  return null;
}

/** @param {string} path */
async function sha256(path) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/**
 * Unpacks an archive of `dir` beside itself. Named without its folder: GNU tar reads a colon in a path as a host.
 * @param {string} dir
 * @param {string} archive
 * @param {string} platform
 */
async function unpack(dir, archive, platform) {
  // A GNU tar that comes first on the PATH of Windows cannot read a zip archive; the system's own can.
  const tar =
    platform === "win32" ? join(process.env.SystemRoot ?? "C:\\Windows", "System32", "tar.exe") : "tar";
  try {
    await promisify(execFile)(tar, ["-xf", archive], { cwd: dir, timeout: 60_000 });
  } catch (error) {
    const { code, stderr } = /** @type {{ code?: string | number, stderr?: string }} */ (error);
    throw new Error(`tar cannot unpack ${archive} (${stderr?.trim() || code})`);
  }
}

/** @param {string} cacheDir */
async function sweep(cacheDir) {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith(DRAFT)) continue;
    const path = join(cacheDir, name);
    const seen = await stat(path).catch(() => null);
    if (seen !== null && Date.now() - seen.mtimeMs > ABANDONED_MS)
      await rm(path, { recursive: true, force: true });
  }
}
