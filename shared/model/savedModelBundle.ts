import { mkdir, mkdtemp, readdir, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { z } from "zod";
import { Bytes } from "../protocol/identifiers.ts";
import { pack, unpack } from "../protocol/msgpack.ts";
import { ModelUnreadable, readModelBytes } from "./fileBundle.ts";
import { readSavedModel } from "./savedModelFile.ts";

/** A SavedModel's files as one object: names are relative to its folder, with slashes. */
const SavedModelBundle = z.strictObject({
  type: z.literal("saved-model-files"),
  files: z.array(
    z.strictObject({
      name: z.string().regex(/^(?!.*(^|\/)\.\.?(\/|$))[^/\\\0]+(\/[^/\\\0]+)*$/, "expected a path inside"),
      bytes: Bytes,
    }),
  ),
});
type SavedModelBundle = z.infer<typeof SavedModelBundle>;

const GRAPH = "saved_model.pb";
/** What a model needs; an exporter leaves more beside it. */
const PARTS = [GRAPH, "variables", "assets"];
/** An object of the store, and of this process's memory. */
const MOST_BYTES = 2 ** 31;
const DEEPEST = 8;

/**
 * Reads a SavedModel's folder without TensorFlow.
 * @param written as the spec writes it, for the error
 * @throws ModelUnreadable for a folder that has no graph, is too large or links to the outside; BadSavedModel
 */
export async function bundleSavedModel(
  folder: string,
  written: string,
): Promise<{ bytes: Uint8Array; parameters: number }> {
  const root = await realpath(folder).catch(() => folder);
  const names = (await Promise.all(PARTS.map((name) => filesAt(root, name, written)))).flat();
  if (!names.includes(GRAPH)) {
    throw new ModelUnreadable(
      `Cannot load model "${written}" as ${folder} holds no ${GRAPH}: name the folder of a SavedModel`,
    );
  }
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(root, name))).size));
  const size = sizes.reduce((sum, one) => sum + one, 0);
  if (size > MOST_BYTES) {
    throw new ModelUnreadable(
      `Cannot load model "${written}" as its files are ${size} bytes together: at most ${MOST_BYTES} are allowed`,
      { fields: { size, most: MOST_BYTES } },
    );
  }
  const files = await Promise.all(
    names
      .sort()
      .map(async (name) => ({ name, bytes: await readModelBytes(join(root, name), `${written}/${name}`) })),
  );
  const bundle: SavedModelBundle = { type: "saved-model-files", files };
  return { bytes: pack(bundle), parameters: readSavedModel(graphOf(bundle)).parameters };
}

/** @throws ModelUnreadable for bytes that are no such bundle */
export function unpackSavedModel(bytes: Uint8Array): SavedModelBundle {
  const parsed = SavedModelBundle.safeParse(unpack(bytes));
  if (parsed.success) return parsed.data;
  throw new ModelUnreadable("Cannot load a stored model as it is not a bundle of a SavedModel's files", {
    cause: parsed.error,
  });
}

/** The bytes of its saved_model.pb. */
export function graphOf({ files }: SavedModelBundle): Uint8Array {
  const graph = files.find(({ name }) => name === GRAPH);
  if (graph) return graph.bytes;
  throw new ModelUnreadable(`Cannot load a stored SavedModel as its bundle has no ${GRAPH}`);
}

/** Writes the files into a folder of their own while `use` has it, and removes it. */
export async function withFolder<T>(
  { files }: SavedModelBundle,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "stillhouse-model-"));
  try {
    for (const { name, bytes } of files) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    }
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * A file of the model, or those in a folder of it; none where it is not there. A link may lead to another file of the model.
 * @throws ModelUnreadable for what leads out of the folder, or is neither
 */
async function filesAt(root: string, name: string, written: string, depth = 0): Promise<string[]> {
  const real = await realpath(join(root, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" && depth === 0) return null;
    throw new ModelUnreadable(`Cannot load model "${written}": nothing can be read at ${join(root, name)}`, {
      cause: error,
    });
  });
  if (real === null) return [];
  const inside = real.startsWith(root + sep);
  const kind = await stat(real);
  if (inside && kind.isFile()) return [name];
  if (inside && kind.isDirectory() && depth < DEEPEST) {
    const entries = await readdir(real);
    return (
      await Promise.all(entries.map((entry) => filesAt(root, `${name}/${entry}`, written, depth + 1)))
    ).flat();
  }
  throw new ModelUnreadable(
    `Cannot load model "${written}" as its "${name}" ${inside ? "is no file" : `leads out of its folder, to ${relative(root, real)}`}: all files have to lie in it`,
    { fields: { name } },
  );
}
