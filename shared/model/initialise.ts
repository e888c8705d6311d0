import type { Rng } from "../determinism/rng.ts";
import { StillhouseError } from "../errors.ts";
import { rngOf, type Seed } from "./seed.ts";
import type { NamedWeight } from "./weights.ts";

/** A model has a weight that nothing says how to start. */
export class UnknownWeight extends StillhouseError {}

/** Fills a weight with its first values. Matrices and kernels are [...window, in, out]. */
type Fill = (data: Float32Array, shape: readonly number[], random: Rng) => void;

/** By a weight's role, which is the second part of its name. */
const fills: Readonly<Record<string, Fill>> = {
  kernel: heNormal,
  // A depthwise kernel is [height, width, channels, 1], and each output sees one channel.
  depthwise_kernel: (data, [height = 1, width = 1], random) =>
    normal(data, Math.sqrt(2 / (height * width)), random),
  projection: glorotUniform,
  tokens: (data, _, random) => normal(data, 0.02, random),
  places: (data, _, random) => normal(data, 0.02, random),
  gamma: ones,
  moving_variance: ones,
  bias: zeros,
  beta: zeros,
  moving_mean: zeros,
};

/**
 * First values of a model's weights: He normal for kernels followed by a ReLU, Glorot uniform for projections and the
 * kernel of `lastLayer`, normal of deviation 0.02 for embeddings, ones for scales and zeros for biases. Each layer
 * draws from a stream of its own name, so that no layer's values depend on the others or on what was built before.
 * @throws UnknownWeight
 */
export function initialWeights(
  weights: readonly NamedWeight[],
  seed: Seed,
  lastLayer: string,
): NamedWeight[] {
  // One stream a layer: two tables of an embedding must not hold the same draws.
  const streams = new Map<string, Rng>();
  return weights.map(({ name, shape }) => {
    const [layer = "", role = ""] = name.split("/");
    const fill = layer === lastLayer && role === "kernel" ? glorotUniform : fills[role];
    if (fill === undefined) {
      throw new UnknownWeight(
        `Cannot draw weight ${name} as its role is not known: it is none of ${Object.keys(fills).join(", ")}`,
        { fields: { name } },
      );
    }
    const random = streams.get(layer) ?? rngOf(seed, "init", layer);
    streams.set(layer, random);
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    fill(data, shape, random);
    return { name, shape, data };
  });
}

function heNormal(data: Float32Array, shape: readonly number[], random: Rng): void {
  normal(data, Math.sqrt(2 / fans(shape).in), random);
}

export function glorotUniform(data: Float32Array, shape: readonly number[], random: Rng): void {
  const { in: fanIn, out: fanOut } = fans(shape);
  const limit = Math.sqrt(6 / (fanIn + fanOut));
  for (let i = 0; i < data.length; i++) data[i] = (2 * random.uniform() - 1) * limit;
}

function normal(data: Float32Array, deviation: number, random: Rng): void {
  for (let i = 0; i < data.length; i++) data[i] = random.normal() * deviation;
}

function ones(data: Float32Array): void {
  data.fill(1);
}

function zeros(data: Float32Array): void {
  data.fill(0);
}

/** How many numbers an output is summed from, and how many outputs an input goes into; a dense layer has no window. */
function fans(shape: readonly number[]): { in: number; out: number } {
  const window = shape.slice(0, -2).reduce((product, n) => product * n, 1);
  return { in: window * (shape.at(-2) as number), out: window * (shape.at(-1) as number) };
}
