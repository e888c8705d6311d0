import type { ArchSpec } from "../config/archSpec.ts";

/** Trainable numbers of an architecture, by arithmetic alone: the coordinator plans without TensorFlow. */
export function parameterCount(arch: ArchSpec, inputShape: readonly number[], classes: number): number {
  switch (arch.arch) {
    case "mlp":
      return denseParameters([product(inputShape), ...arch.hidden, classes]);
    case "cnn": {
      let [height = 1, width = 1, channels = 1] = inputShape;
      let count = 0;
      for (const next of arch.channels) {
        count += 9 * channels * next + next;
        channels = next;
        height = Math.floor(height / 2);
        width = Math.floor(width / 2);
      }
      return count + denseParameters([height * width * channels, arch.dense, classes]);
    }
    case "separable": {
      // A convolution has no bias, and is followed by two numbers a channel.
      let channels = arch.stem;
      let count = 9 * (inputShape[2] ?? 1) * channels + 2 * channels;
      for (const { channels: next } of arch.blocks) {
        count += 9 * channels + 2 * channels + channels * next + 2 * next;
        channels = next;
      }
      return count + denseParameters([channels, classes]);
    }
    case "transformer": {
      const { vocabulary, layers, width, ff = 4 * width } = arch;
      const norm = 2 * width;
      const attention = denseParameters([width, 3 * width]) + denseParameters([width, width]);
      const feedForward = denseParameters([width, ff, width]);
      const tables = (vocabulary + product(inputShape)) * width;
      return (
        tables + layers * (2 * norm + attention + feedForward) + norm + denseParameters([width, classes])
      );
    }
  }
}

function denseParameters(widths: readonly number[]): number {
  return widths.slice(1).reduce((sum, width, i) => sum + ((widths[i] as number) + 1) * width, 0);
}

function product(values: readonly number[]): number {
  return values.reduce((a, b) => a * b, 1);
}
