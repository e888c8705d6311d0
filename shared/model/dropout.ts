import * as tf from "@tensorflow/tfjs";
import { StillhouseError } from "../errors.ts";
import { fillDropoutMask } from "./dropoutMask.ts";
import type { Seed } from "./seed.ts";

/** Where dropout masks come from during one step. */
export interface MaskSource {
  /** A mask of that shape: 0 with probability `rate`, else 1 / (1 - rate). */
  mask(layer: string, rate: number, shape: readonly number[]): tf.Tensor;
}

/** Masks that are functions of seed, step, layer name and place in the batch alone. */
export function seededMasks(seed: Seed, step: number): MaskSource {
  return {
    mask: (layer, rate, shape) => tf.tensor(dropoutMask(shape, rate, seed, step, layer), [...shape]),
  };
}

/** A model with dropout was run in training mode without saying where its masks come from. */
export class NoMaskSource extends StillhouseError {}

let current: MaskSource | null = null;

/** Runs `fn`, in which every dropout layer takes its masks from `source`. */
export function withMaskSource<T>(source: MaskSource, fn: () => T): T {
  const outer = current;
  current = source;
  try {
    return fn();
  } finally {
    current = outer;
  }
}

/**
 * Dropout whose masks come from the step's MaskSource, so that a resumed or a distributed training drops the same
 * units. What is kept is scaled by 1 / (1 - rate). In inference all passes. Input and output: [batch, ...units].
 */
export class SeededDropout extends tf.layers.Layer {
  static readonly className = "SeededDropout";
  private readonly rate: number;

  constructor(config: { name: string; rate: number }) {
    super({ name: config.name });
    this.rate = config.rate;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    const x = Array.isArray(inputs) ? (inputs[0] as tf.Tensor) : inputs;
    if (!kwargs.training || this.rate === 0) return x;
    if (current === null) {
      throw new NoMaskSource(
        `Cannot train layer "${this.name}" without a source of masks: run the step inside withMaskSource()`,
        { fields: { layer: this.name } },
      );
    }
    const source = current;
    return tf.tidy(() => x.mul(source.mask(this.name, this.rate, x.shape)));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), rate: this.rate };
  }
}

/** Row-major values of `shape`, each 0 with probability `rate` and else 1 / (1 - rate). */
export function dropoutMask(
  shape: readonly number[],
  rate: number,
  seed: Seed,
  step: number,
  layer: string,
): Float32Array {
  // Row-major order makes an element's index place * units + unit.
  const mask = new Float32Array(shape.reduce((product, n) => product * n, 1));
  fillDropoutMask(mask, rate, seed, step, layer);
  return mask;
}
