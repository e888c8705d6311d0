import type { Rng } from "../determinism/rng.ts";
import { rngOf, type Seed } from "./seed.ts";
import type { NamedWeight } from "./weights.ts";

/**
 * First values of a model's weights: He normal for kernels followed by a ReLU, Glorot uniform for the kernel of
 * `lastLayer`, zeros for biases. Each layer draws from a stream of its own name, so that no layer's values depend on
 * the others or on what was built before.
 */
export function initialWeights(
  weights: readonly NamedWeight[],
  seed: Seed,
  lastLayer: string,
): NamedWeight[] {
  return weights.map(({ name, shape }) => {
    const [layer = "", kind] = name.split("/");
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    if (kind === "kernel") fillKernel(data, shape, rngOf(seed, "init", layer), layer === lastLayer);
    return { name, shape, data };
  });
}

function fillKernel(data: Float32Array, shape: readonly number[], random: Rng, last: boolean): void {
  // Kernels are [...window, in, out]; a dense layer has no window.
  const window = shape.slice(0, -2).reduce((product, n) => product * n, 1);
  const fanIn = window * (shape.at(-2) as number);
  const fanOut = window * (shape.at(-1) as number);
  if (last) {
    const limit = Math.sqrt(6 / (fanIn + fanOut));
    for (let i = 0; i < data.length; i++) data[i] = (2 * random.uniform() - 1) * limit;
  } else {
    const deviation = Math.sqrt(2 / fanIn);
    for (let i = 0; i < data.length; i++) data[i] = random.normal() * deviation;
  }
}
