import { z } from "zod";
import { Bytes } from "../protocol/identifiers.ts";
import { pack, unpack } from "../protocol/msgpack.ts";
import { ModelUnreadable } from "./fileBundle.ts";

/** The models of a cross-fitted teacher as one object, in the order of their folds. */
const FoldBundle = z.strictObject({ type: z.literal("folds"), models: z.array(Bytes).min(2) });

export function packFolds(models: readonly Uint8Array[]): Uint8Array {
  return pack({ type: "folds", models: [...models] } satisfies z.input<typeof FoldBundle>);
}

/** @throws ModelUnreadable for bytes that are no such bundle, or hold another number of models */
export function unpackFolds(bytes: Uint8Array, folds: number): Uint8Array[] {
  const parsed = FoldBundle.safeParse(unpack(bytes));
  if (!parsed.success) {
    throw new ModelUnreadable("Cannot load a cross-fitted teacher as its object is no bundle of models", {
      cause: parsed.error,
    });
  }
  const { models } = parsed.data;
  if (models.length === folds) return models;
  throw new ModelUnreadable(
    `Cannot load a cross-fitted teacher of ${folds} folds: its object holds ${models.length} models`,
    { fields: { expected: folds, seen: models.length } },
  );
}
