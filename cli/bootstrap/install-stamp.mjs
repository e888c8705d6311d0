import { createHash } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * What an installation was made from.
 * @typedef {{ lock: string, node: string, platform: string }} Stamp `lock` is the SHA-256 of package-lock.json,
 *   `node` the major version
 * @typedef {{ version?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} LockEntry
 */

/** @param {string} root */
const stampPath = (root) => join(root, "node_modules", ".stillhouse-install.json");

/**
 * Why the dependencies must be installed, or null when they are there.
 *
 * A node_modules that the user installed with npm has no stamp: it counts when npm's own record in it agrees
 * with package-lock.json, so that a prepared machine is never installed again (and needs no network).
 * @param {string} root the folder of package.json
 * @returns {Promise<string | null>}
 * @throws when package-lock.json cannot be read
 */
export async function installReason(root) {
  const lockText = await readFile(join(root, "package-lock.json"), "utf8");
  const record = await readJson(join(root, "node_modules", ".package-lock.json"));
  const seen = /** @type {Partial<Stamp> | null} */ (await readJson(stampPath(root)));
  if (record === null && seen === null) return "node_modules is missing or incomplete";

  const wanted = stampOf(lockText);
  if (seen !== null) {
    if (seen.node !== wanted.node) return `installed for Node ${seen.node}, this is Node ${wanted.node}`;
    if (seen.platform !== wanted.platform) {
      return `installed for ${seen.platform}, this is ${wanted.platform}`;
    }
    if (seen.lock === wanted.lock) return null;
  }
  if (record !== null && holdsAll(JSON.parse(lockText).packages, record.packages ?? {})) return null;
  return "package-lock.json is not the one that was installed";
}

/**
 * Writes down what the present node_modules was installed from.
 * @param {string} root
 */
export async function writeStamp(root) {
  const stamp = stampOf(await readFile(join(root, "package-lock.json"), "utf8"));
  const path = stampPath(root);
  await writeFile(`${path}.tmp`, `${JSON.stringify(stamp)}\n`);
  await rename(`${path}.tmp`, path);
}

/**
 * @param {string} lockText
 * @returns {Stamp}
 */
function stampOf(lockText) {
  return {
    lock: createHash("sha256").update(lockText).digest("hex"),
    node: String(Number.parseInt(process.versions.node, 10)),
    platform: `${process.platform}-${process.arch}`,
  };
}

/**
 * Whether npm's record of node_modules has every package of the lock file that this machine needs, at its
 * version. An optional package without a platform may be absent (it belongs to an optional one of another
 * platform), and so may one bound to a C library, which cannot be told from here.
 * @param {Record<string, LockEntry>} wanted
 * @param {Record<string, LockEntry>} present
 */
function holdsAll(wanted, present) {
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = present[path];
    if (found !== undefined) return found.version === entry.version;
    if (entry.optional !== true) return false;
    const here = matches(entry.os, process.platform) && matches(entry.cpu, process.arch);
    return entry.os === undefined || entry.libc !== undefined || !here;
  });
}

/**
 * @param {string[] | undefined} allowed
 * @param {string} value
 */
function matches(allowed, value) {
  return allowed === undefined || allowed.includes(value);
}

/** @param {string} path */
async function readJson(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    // Missing or cut short by a killed process: both mean that nothing is known.
    return null;
  }
}
