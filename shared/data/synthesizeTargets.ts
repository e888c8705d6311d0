import { type Rng, rng } from "../determinism/rng.ts";
import type { Source } from "./source.ts";

export interface SyntheticTargets {
  readonly task: "multi-label" | "regression";
  readonly train: number;
  readonly test: number;
  /** Numbers a sample. */
  readonly features: number;
  /** Classes, or numbers to predict. */
  readonly outputs: number;
  readonly noise: number;
  readonly seed: number;
}

/** Waves that a function of `regression` is a sum of. */
const WAVES = 6;
/** What its values are moved to and spread by, so that they are in a unit of their own. */
const [UNIT_MEAN, UNIT] = [20, 5];

/**
 * Samples of a normal distribution, x, and of each
 *
 * - multi-label: class c where w_c x + b_c + noise e > 0, with |w_c| = 1, b_c normal with deviation 1/2
 * - regression: 20 + 5 (f_o(x) + noise e), with f_o the sum of six waves a sin(w x + phase), |w| = 1, scaled to a mean
 *   square of 1 or less
 *
 * with e normal and its own for each number. Train and test share what is drawn of classes and functions.
 */
export function synthesizeTargets(options: SyntheticTargets): { train: Source; test: Source } {
  const outputs = Array.from({ length: options.outputs }, (_, output) => ofOutput(options, output));
  return { train: draw(options, outputs, "train"), test: draw(options, outputs, "test") };
}

type Rule = (sample: Float32Array, noise: number) => number;

function ofOutput({ task, seed, features }: SyntheticTargets, output: number): Rule {
  const stream = rng(seed, "synthetic", task, output);
  if (task === "multi-label") {
    const direction = unitVector(stream, features);
    const offset = 0.5 * stream.normal();
    return (sample, noise) => (dot(direction, sample) + offset + noise > 0 ? 1 : 0);
  }
  const waves = Array.from({ length: WAVES }, () => ({
    direction: unitVector(stream, features),
    phase: 2 * Math.PI * stream.uniform(),
    // A sine has a mean square of one half.
    height: Math.sqrt(2 / WAVES),
  }));
  return (sample, noise) => {
    const value = waves.reduce(
      (sum, { direction, phase, height }) => sum + height * Math.sin(dot(direction, sample) + phase),
      0,
    );
    return UNIT_MEAN + UNIT * (value + noise);
  };
}

function draw(options: SyntheticTargets, outputs: readonly Rule[], part: "train" | "test"): Source {
  const { seed, task, features, noise } = options;
  const rows = options[part];
  const stream = rng(seed, "synthetic", task, part);
  const inputs = new Float32Array(rows * features);
  const targets = new Float32Array(rows * outputs.length);
  for (let row = 0; row < rows; row++) {
    const sample = inputs.subarray(row * features, (row + 1) * features);
    for (let f = 0; f < features; f++) sample[f] = stream.normal();
    outputs.forEach((rule, output) => {
      targets[row * outputs.length + output] = rule(sample, noise * stream.normal());
    });
  }
  const from = { inputs: `synthetic ${part} inputs`, labels: `synthetic ${part} targets` };
  return { rows, inputs, inputShape: [features], labels: new Int32Array(rows), targets, from };
}

function unitVector(stream: Rng, length: number): Float64Array {
  const vector = Float64Array.from({ length }, () => stream.normal());
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / norm);
}

function dot(direction: Float64Array, sample: Float32Array): number {
  return direction.reduce((sum, value, f) => sum + value * (sample[f] as number), 0);
}
