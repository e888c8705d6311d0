import { z } from "zod";
import { ArchSpec } from "../config/archSpec.ts";
import { messageOf, StillhouseError } from "../errors.ts";
import { Bytes } from "../protocol/identifiers.ts";
import { pack, unpack } from "../protocol/msgpack.ts";
import { bytesOfFloats, floatsOfBytes } from "./bytes.ts";
import type { NamedWeight } from "./weights.ts";

/** All that is needed to run a model elsewhere. */
export interface ModelArtifact {
  arch: ArchSpec;
  /** Without the batch. */
  inputShape: readonly number[];
  /** What a stored input is multiplied by to become the model's: 1/255 for bytes. */
  inputScale: number;
  classes: number;
  weights: readonly NamedWeight[];
}

/** Bytes that should hold a model do not. */
export class BadModelArtifact extends StillhouseError {}

const Stored = z.strictObject({
  format: z.literal("stillhouse-model"),
  version: z.literal(1),
  arch: ArchSpec,
  inputShape: z.array(z.int().positive()),
  inputScale: z.number().positive(),
  classes: z.int().positive(),
  weights: z.array(
    z.strictObject({
      name: z.string(),
      shape: z.array(z.int().positive()),
      data: Bytes,
    }),
  ),
});

/** One model as bytes; the same model gives the same bytes. */
export function packModel(model: ModelArtifact): Uint8Array {
  const { arch, inputShape, inputScale, classes, weights } = model;
  const stored: z.infer<typeof Stored> = {
    format: "stillhouse-model",
    version: 1,
    arch: ArchSpec.parse(arch), // puts the keys in the schema's order
    inputShape: [...inputShape],
    inputScale,
    classes,
    weights: weights.map(({ name, shape, data }) => ({ name, shape: [...shape], data: bytesOfFloats(data) })),
  };
  return pack(stored);
}

/**
 * The model of `packModel`'s bytes, in memory of its own.
 * @throws BadModelArtifact when the bytes hold no model, or a weight of the wrong size
 */
export function unpackModel(bytes: Uint8Array): ModelArtifact & { weights: NamedWeight[] } {
  let unpacked: unknown;
  try {
    unpacked = unpack(bytes);
  } catch (error) {
    throw new BadModelArtifact(
      `Cannot read ${bytes.length} bytes as a Stillhouse model: ${messageOf(error)}`,
      { cause: error },
    );
  }
  const checked = Stored.safeParse(unpacked);
  if (!checked.success) {
    throw new BadModelArtifact(
      `Cannot read ${bytes.length} bytes as a Stillhouse model: ${z.prettifyError(checked.error)}`,
    );
  }
  const { arch, inputShape, inputScale, classes, weights } = checked.data;
  return {
    arch,
    inputShape,
    inputScale,
    classes,
    weights: weights.map(({ name, shape, data }) => {
      const expected = 4 * shape.reduce((product, n) => product * n, 1);
      if (data.length !== expected) {
        throw new BadModelArtifact(
          `Cannot read weight ${name} of shape [${shape}]: it has ${data.length} bytes, not ${expected}`,
          { fields: { name, shape, bytes: data.length } },
        );
      }
      return { name, shape, data: floatsOfBytes(data) };
    }),
  };
}
