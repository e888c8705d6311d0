import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {{ token: string, pid: number, host: string }} Owner */

const BEAT_MS = 2_000;
const STALE_MS = 60_000;
const POLL_MS = 200;

/**
 * Holds the one installation lock of this checkout while `work` runs. It lies outside node_modules, which
 * `npm ci` deletes.
 *
 * The lock is a folder that appears by a rename, so it always names its owner. It is stale when its owner is a
 * dead process of this machine, or has not touched it for a minute (another machine, or a reused process id).
 * @template T
 * @param {string} root
 * @param {(line: string) => void} log told once when another process holds the lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withInstallLock(root, log, work) {
  const lock = join(root, ".stillhouse", "install.lock");
  const mine = { token: randomUUID(), pid: process.pid, host: hostname() };
  const stale = await acquire(lock, mine, log);
  const ownerFile = join(lock, "owner.json");
  const beat = setInterval(() => {
    const now = new Date();
    utimes(ownerFile, now, now).catch(() => {});
  }, BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    // Moved away first: a folder that is being emptied would look like one without an owner.
    if ((await ownerOf(lock))?.token === mine.token) stale.push(await moveAside(lock, mine.token));
    for (const path of stale) await rm(path, { recursive: true, force: true });
    // `.stillhouse` is also the default store of runs: it goes only when it is empty.
    await rmdir(dirname(lock)).catch(() => {});
  }
}

/**
 * @param {string} lock
 * @param {Owner} mine
 * @param {(line: string) => void} log
 * @returns {Promise<string[]>} the stale locks that were moved aside, to be removed at the end: they must
 *   outlast the decision of every process that saw the same one
 */
async function acquire(lock, mine, log) {
  const aside = [];
  let told = false;
  while (!(await tryAcquire(lock, mine))) {
    const owner = await ownerOf(lock);
    if (await isStale(lock, owner)) {
      aside.push(await moveAside(lock, owner?.token ?? "unreadable"));
      continue;
    }
    if (!told && owner !== null) {
      told = true;
      log(`waiting for process ${owner.pid}, which is installing the dependencies`);
    }
    await sleep(POLL_MS);
  }
  return aside;
}

/**
 * @param {string} lock
 * @param {Owner} mine
 */
async function tryAcquire(lock, mine) {
  const draft = `${lock}.${mine.token}.new`;
  try {
    await mkdir(draft, { recursive: true });
    await writeFile(join(draft, "owner.json"), JSON.stringify(mine));
    await rename(draft, lock);
    return true;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    const code = /** @type {NodeJS.ErrnoException} */ (error).code ?? "";
    // ENOENT: another process removed the empty parent folder in between.
    if (["ENOTEMPTY", "EEXIST", "ENOENT"].includes(code)) return false;
    // Windows answers EPERM for a target that exists; elsewhere it means that the checkout is read-only.
    if (code === "EPERM" && (await ownerOf(lock)) !== null) return false;
    throw error;
  }
}

/**
 * Moves a lock to a name that follows from its owner: of several processes that saw the same stale lock only
 * one succeeds, and a slow one cannot move the lock of the next owner onto that name.
 * @param {string} lock
 * @param {string} token
 */
async function moveAside(lock, token) {
  const aside = `${lock}.${token}.old`;
  await rename(lock, aside).catch(() => {});
  return aside;
}

/**
 * @param {string} lock
 * @param {Owner | null} owner
 */
async function isStale(lock, owner) {
  if (owner !== null && owner.host === hostname() && !isAlive(owner.pid)) return true;
  const touched = await stat(owner === null ? lock : join(lock, "owner.json")).catch(() => null);
  return touched !== null && Date.now() - touched.mtimeMs > STALE_MS;
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * @param {string} lock
 * @returns {Promise<Owner | null>}
 */
async function ownerOf(lock) {
  try {
    return JSON.parse(await readFile(join(lock, "owner.json"), "utf8"));
  } catch {
    return null;
  }
}
