import { readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { z } from "zod";
import { StillhouseError } from "../errors.ts";
import { Bytes } from "../protocol/identifiers.ts";
import { pack, unpack } from "../protocol/msgpack.ts";

/** A model's files as one object, so that a node needs no access to the folder that the spec names. */
const FileBundle = z.strictObject({
  type: z.enum(["tfjs-layers-files", "tfjs-graph-files"]),
  modelJson: Bytes,
  weightFiles: z.array(z.strictObject({ name: z.string(), bytes: Bytes })),
});
export type FileBundle = z.infer<typeof FileBundle>;

/** A model file that is not there, or not what it should be. */
export class ModelUnreadable extends StillhouseError {}

/** Formats of a spec, as model.json calls them. */
const formats = { "tfjs-layers": "layers-model", "tfjs-graph": "graph-model" } as const;
type TfjsFormat = keyof typeof formats;

const Manifest = z.object({
  // Converters before version 1 wrote none.
  format: z.string().optional(),
  weightsManifest: z
    .array(
      z.object({
        paths: z.array(z.string()).min(1),
        weights: z.array(
          z.object({ shape: z.array(z.int().nonnegative()), dtype: z.string().default("float32") }),
        ),
      }),
    )
    .min(1),
});

/** The format of a spec that a model.json is of. @throws ModelUnreadable */
export async function tfjsFormatOf(path: string, written: string): Promise<TfjsFormat> {
  const { format } = manifestOf(await readModelBytes(path, written), written);
  return format === formats["tfjs-graph"] ? "tfjs-graph" : "tfjs-layers";
}

/**
 * Reads a TensorFlow.js model from disk without TensorFlow.
 * @param path of model.json
 * @param written as the spec writes it, for the error
 * @throws ModelUnreadable naming the file that is missing or wrong
 */
export async function bundleTfjs(
  format: TfjsFormat,
  path: string,
  written: string,
): Promise<{ bytes: Uint8Array; parameters: number }> {
  const modelJson = await readModelBytes(path, written);
  const manifest = manifestOf(modelJson, written);
  const seen = Object.entries(formats).find(([, called]) => called === manifest.format)?.[0];
  if (seen !== undefined && seen !== format) {
    throw new ModelUnreadable(
      `Cannot load model "${written}" as ${format}: its model.json is a ${manifest.format}; write format: ${seen}`,
      { fields: { format, seen } },
    );
  }
  const names = manifest.weightsManifest.flatMap(({ paths }) => paths);
  for (const name of names) {
    if (normalize(name).startsWith("..") || normalize(name).startsWith("/")) {
      throw new ModelUnreadable(
        `Cannot load model "${written}" as its weights must lie beside it: it names "${name}"`,
      );
    }
  }
  const weightFiles = await Promise.all(
    names.map(async (name) => ({ name, bytes: await readModelBytes(join(dirname(path), name), name) })),
  );
  const bundle: FileBundle = { type: `${format}-files`, modelJson, weightFiles };
  const parameters = manifest.weightsManifest
    .flatMap(({ weights }) => weights)
    .filter(({ dtype }) => dtype !== "int32") // sizes and axes of a graph
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return { bytes: pack(bundle), parameters };
}

function manifestOf(modelJson: Uint8Array, written: string): z.infer<typeof Manifest> {
  try {
    return Manifest.parse(JSON.parse(new TextDecoder().decode(modelJson)));
  } catch (cause) {
    throw new ModelUnreadable(
      `Cannot load model "${written}" as it is not the model.json of a TensorFlow.js model: no weightsManifest with paths and weights was found`,
      { cause },
    );
  }
}

/** @throws ModelUnreadable for bytes that are no bundle */
export function unpackFileBundle(bytes: Uint8Array): FileBundle {
  const parsed = FileBundle.safeParse(unpack(bytes));
  if (parsed.success) return parsed.data;
  throw new ModelUnreadable("Cannot load a stored model as it is not a bundle of TensorFlow.js files", {
    cause: parsed.error,
  });
}

/** @throws ModelUnreadable */
export async function readModelBytes(path: string, written: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new ModelUnreadable(`Cannot load model file "${written}": nothing can be read at ${path}`, {
      cause,
    });
  }
}
