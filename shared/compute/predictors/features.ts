import { type Features, sourceOf } from "../../config/modelFileSpec.ts";
import { nearMatches } from "../../config/nearest.ts";
import { StillhouseError } from "../../errors.ts";

/** A feature of the spec that the model does not have, or that is nothing to learn from. */
export class UnknownFeature extends StillhouseError {}

/** How many of a model's inner tensors a message shows: the last, which lie nearest to its answers. */
const SHOWN = 8;

/**
 * The inner tensors that a spec names.
 * @param features what the spec calls each, and the model's own name of it
 * @param known the model's own names, in their order
 * @param what the model calls them: tensors, layers, nodes
 * @throws UnknownFeature with names that are much like it
 */
export function checkFeatures(
  features: Features,
  known: readonly string[],
  what: string,
): { readonly name: string; readonly of: string }[] {
  const all = new Set(known);
  return Object.entries(features ?? {}).map(([name, feature]) => {
    const of = sourceOf(feature);
    if (all.has(of)) return { name, of };
    const near = nearMatches(of, known);
    const last = known.slice(-SHOWN);
    throw new UnknownFeature(
      `Cannot give the feature "${name}" as the model has no "${of}": ${near.length > 0 ? `did you mean "${near.join('" or "')}"?` : `its last ${what} are [${last.join(", ")}]`}`,
      { fields: { feature: name, of, near, last } },
    );
  });
}

/** @throws UnknownFeature for a tensor that does not hold something of each sample */
export function checkRows(feature: string, shape: readonly number[], rows: number): void {
  if (shape[0] === rows) return;
  throw new UnknownFeature(
    `Cannot give the feature "${feature}" as its tensor is [${shape.join(", ")}] for ${rows} samples: expected [${rows}, ...]`,
    { fields: { feature, shape, rows } },
  );
}
