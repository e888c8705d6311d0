import type { ArchSpec } from "../config/archSpec.ts";

/**
 * What the layers of an architecture give that a loss can look at, by their names in the order of the model: shapes
 * without the batch. Known without TensorFlow.js, so that a spec can be checked before anything starts.
 * @param inputShape of a sample
 */
export function layerShapes(
  arch: ArchSpec,
  inputShape: readonly number[],
  classes: number,
): ReadonlyMap<string, readonly number[]> {
  return new Map([...inner(arch, inputShape), ["logits", [classes]]]);
}

type Layer = readonly [name: string, shape: readonly number[]];

function inner(arch: ArchSpec, inputShape: readonly number[]): Layer[] {
  switch (arch.arch) {
    case "mlp":
      return arch.hidden.map((units, i) => [`dense_${i + 1}`, [units]]);
    case "cnn": {
      let [height = 0, width = 0] = inputShape;
      const maps = arch.channels.flatMap((channels, i): Layer[] => {
        const before: Layer = [`conv_${i + 1}`, [height, width, channels]];
        [height, width] = [Math.floor(height / 2), Math.floor(width / 2)];
        return [before, [`pool_${i + 1}`, [height, width, channels]]];
      });
      return [...maps, ["dense_1", [arch.dense]]];
    }
    case "separable": {
      const { stem, stemStride, blocks } = arch;
      let size = inputShape.slice(0, 2).map((n) => Math.ceil(n / stemStride));
      const maps = blocks.map(({ channels, stride }, i): Layer => {
        size = size.map((n) => Math.ceil(n / stride));
        return [`pointwise_${i + 1}_relu`, [...size, channels]];
      });
      const last = blocks.at(-1)?.channels ?? stem;
      const first = inputShape.slice(0, 2).map((n) => Math.ceil(n / stemStride));
      return [["stem_relu", [...first, stem]], ...maps, ["pool", [last]]];
    }
    case "transformer": {
      const { layers, width } = arch;
      const [length = 0] = inputShape;
      const blocks = Array.from({ length: layers }, (_, i): Layer => [`ff_sum_${i + 1}`, [length, width]]);
      return [["embedding", [length, width]], ...blocks, ["norm", [length, width]], ["pool", [width]]];
    }
  }
}
