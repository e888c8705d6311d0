import { mkdir, mkdtemp, readdir, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildFile, type NativeBuild, type NativeKind } from "../../shared/compute/native/nativeBuild.ts";

const DRAFT = ".draft-";
const ABANDONED_MS = 3_600_000;

/** Where downloads wait for the end of an installation. */
export const downloadsFolder = (root: string): string => join(root, "downloads");

/** A folder to build in, beside the place where the build will lie. What killed installations left is swept. */
export async function openDraft(root: string): Promise<string> {
  await mkdir(root, { recursive: true });
  for (const name of await readdir(root)) {
    if (!name.startsWith(DRAFT)) continue;
    const path = join(root, name);
    const seen = await stat(path).catch(() => null);
    if (seen !== null && Date.now() - seen.mtimeMs > ABANDONED_MS)
      await rm(path, { recursive: true, force: true });
  }
  return mkdtemp(join(root, DRAFT));
}

/**
 * Puts a finished draft in its place. What is loaded is what the description names, and that appears by a rename: there
 * is no moment without a whole build. A process that has the former one in memory keeps it.
 */
export async function placeBuild(root: string, draft: string, build: NativeBuild): Promise<void> {
  const folder = join(root, build.folder);
  await rm(folder, { recursive: true, force: true });
  await rename(draft, folder);
  const file = buildFile(build.kind, root);
  await writeFile(`${file}.new`, `${JSON.stringify(build, null, 2)}\n`);
  await rename(`${file}.new`, file);
  await sweepBuilds(root, build.kind, build.folder);
}

/** Removes the builds of a kind. @returns whether there was one */
export async function removeBuild(root: string, kind: NativeKind): Promise<boolean> {
  const had = await rm(buildFile(kind, root)).then(
    () => true,
    () => false,
  );
  await sweepBuilds(root, kind, null);
  return had;
}

/** Removes downloads and drafts, and with the last build the folder itself. */
export async function removeRest(root: string): Promise<void> {
  const names = await readdir(root).catch(() => []);
  for (const name of names) {
    if (name.startsWith(DRAFT) || name === "downloads")
      await rm(join(root, name), { recursive: true, force: true });
  }
  await rmdir(root).catch(() => {});
}

/** A build's folder has a name that no other has, so that one in use is never written to. */
export function buildName(kind: NativeKind, tensorflow: string, now: number): string {
  return `${kind}-${tensorflow}-${now.toString(36)}`;
}

async function sweepBuilds(root: string, kind: NativeKind, kept: string | null): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    if (!name.startsWith(`${kind}-`) || name === kept) continue;
    await rm(join(root, name), { recursive: true, force: true });
  }
}

/** Bytes of all files in a folder. */
export async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
