import type { ViewStepOf } from "../../config/viewsSpec.ts";
import { rowOf, type Shard, shardOf } from "../dataset.ts";
import type { StepRule } from "./stepRule.ts";
import { symmetricBeta } from "./symmetricBeta.ts";

/**
 * lambda x + (1 - lambda) partner (Zhang et al. 2018), where the partner is any sample of the training split, itself
 * included, as it is in the data, and lambda = max(l, 1 - l) with l of Beta(alpha, alpha): the sample has the larger part.
 */
export const mixup: StepRule<ViewStepOf<"mixup">> = {
  refuse: () => undefined,
  prepare({ alpha }, { dataset, inputs, width }) {
    const { shards, inputScale } = dataset;
    const { train } = dataset.splits;
    return (at, draws) => {
      const drawn = symmetricBeta(alpha, draws);
      const lambda = Math.max(drawn, 1 - drawn);
      const partner = train[draws.below(train.length)] as number;
      const { inputs: from, rows } = shards[shardOf(partner)] as Shard;
      const start = rowOf(partner) * (from.length / rows);
      // One loop a type, so that the compiled code of each reads from one kind of array only.
      if (from instanceof Uint8Array) mixBytes(inputs, at, width, lambda, from, start, inputScale);
      else mixFloats(inputs, at, width, lambda, from, start, inputScale);
    };
  },
};

function mixBytes(
  inputs: Float32Array,
  at: number,
  width: number,
  lambda: number,
  from: Uint8Array,
  start: number,
  scale: number,
): void {
  for (let i = 0; i < width; i++) {
    const other = Math.fround((from[start + i] as number) * scale);
    inputs[at + i] = lambda * (inputs[at + i] as number) + (1 - lambda) * other;
  }
}

function mixFloats(
  inputs: Float32Array,
  at: number,
  width: number,
  lambda: number,
  from: Float32Array,
  start: number,
  scale: number,
): void {
  for (let i = 0; i < width; i++) {
    const other = Math.fround((from[start + i] as number) * scale);
    inputs[at + i] = lambda * (inputs[at + i] as number) + (1 - lambda) * other;
  }
}
