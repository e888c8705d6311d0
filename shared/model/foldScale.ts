import type { Dataset } from "../data/dataset.ts";
import type { NamedWeight } from "./weights.ts";

/** The layer that every architecture ends with. */
const LAST = "logits";

/**
 * Weights of a model that gives numbers in the data's units, of those of one that learnt them standardised: with y = mean
 * + deviation z and z = x W + b, the last layer's kernel becomes W deviation and its bias b deviation + mean.
 * @returns the same list where nothing was standardised
 */
export function foldScale(weights: NamedWeight[], { targets }: Pick<Dataset, "targets">): NamedWeight[] {
  if (targets?.task !== "regression") return weights;
  const { mean, deviation } = targets.scale;
  if (mean.every((value) => value === 0) && deviation.every((value) => value === 1)) return weights;
  return weights.map((weight) => {
    const own = weight.name.startsWith(`${LAST}/`);
    if (!own) return weight;
    const bias = weight.shape.length === 1;
    const data = weight.data.map((value, i) => {
      const output = i % mean.length; // kernel [inputs, outputs], bias [outputs]
      const scaled = value * (deviation[output] as number);
      return bias ? scaled + (mean[output] as number) : scaled;
    });
    return { ...weight, data };
  });
}
