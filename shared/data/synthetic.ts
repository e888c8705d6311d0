import { type Rng, rng } from "../determinism/rng.ts";
import type { Source } from "./source.ts";

export interface SyntheticOptions {
  readonly train: number;
  readonly test: number;
  /** Numbers a sample. */
  readonly features: number;
  readonly classes: number;
  /** Standard deviation of a sample around its class's centre; centres have one of 1 around the origin. */
  readonly noise: number;
  readonly seed: number;
}

/**
 * A mixture of Gaussians with one centre a class. Train and test share the centres and draw from streams of their
 * own, so that more training samples leave the test samples as they are.
 */
export function synthesize(options: SyntheticOptions): { train: Source; test: Source } {
  const { seed, classes, features } = options;
  const centres = normals(rng(seed, "synthetic", "centres"), classes * features);
  return { train: draw(options, centres, "train"), test: draw(options, centres, "test") };
}

function draw(options: SyntheticOptions, centres: Float64Array, part: "train" | "test"): Source {
  const { seed, classes, features, noise } = options;
  const rows = options[part];
  // Round robin first, so that the classes are as balanced as `rows` allows.
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
  rng(seed, "synthetic", part, "labels").shuffle(labels);

  const stream = rng(seed, "synthetic", part, "samples");
  const inputs = new Float32Array(rows * features);
  for (let row = 0; row < rows; row++) {
    const centre = (labels[row] ?? 0) * features;
    for (let f = 0; f < features; f++) {
      inputs[row * features + f] = (centres[centre + f] ?? 0) + noise * stream.normal();
    }
  }
  const from = { inputs: `synthetic ${part} inputs`, labels: `synthetic ${part} labels` };
  return { rows, inputs, inputShape: [features], labels, from };
}

function normals(stream: Rng, count: number): Float64Array {
  return Float64Array.from({ length: count }, () => stream.normal());
}
