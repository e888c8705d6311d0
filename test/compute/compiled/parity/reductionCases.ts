import * as tf from "@tensorflow/tfjs";
import type { Case, Draw } from "./draw.ts";

type Inputs = Record<string, tf.Tensor>;
type Reduction = (x: tf.Tensor, axis?: number | number[], keepDims?: boolean) => tf.Tensor;

const reduction = (
  kernel: string,
  compute: Reduction,
  operand: (d: Draw, shape: number[]) => tf.Tensor,
): Case => ({
  kernel,
  draw(d) {
    const shape = d.shape();
    const axis = d.pick([
      d.axes(shape.length),
      shape.length > 0 ? d.axis(shape.length) : undefined,
      undefined,
    ]);
    const keep = d.chance();
    return {
      inputs: { x: operand(d, shape) },
      compute: ({ x }: Inputs) => compute(x as tf.Tensor, axis, keep),
    };
  },
});

const numbers = (d: Draw, shape: number[]): tf.Tensor =>
  d.place === 2 ? d.bools(shape) : d.place === 3 ? d.wholes(shape) : d.floats(shape);
const unlikeZero = (d: Draw, shape: number[]): tf.Tensor =>
  d.place === 3 ? d.wholes(shape, 1, 2) : d.floats(shape, 0.5, 1.5);
const bools = (d: Draw, shape: number[]): tf.Tensor => d.bools(shape);

const along = (kernel: string, compute: (x: tf.Tensor, axis: number) => tf.Tensor): Case => ({
  kernel,
  draw(d) {
    const shape = d.shape(d.rank(1, 4));
    const axis = d.axis(shape.length);
    return { inputs: { x: numbers(d, shape) }, compute: ({ x }: Inputs) => compute(x as tf.Tensor, axis) };
  },
});

const scan = (
  kernel: string,
  compute: (x: tf.Tensor, axis: number, exclusive: boolean, reverse: boolean) => tf.Tensor,
): Case => ({
  kernel,
  draw(d) {
    const shape = d.shape(d.rank(1, 4));
    // The library's gradient takes no negative axis, and is right for axes that a transpose and its inverse agree on.
    const axis = d.whole(Math.max(0, shape.length - 2), shape.length - 1);
    const [exclusive, reverse] = [d.chance(), d.chance()];
    return {
      inputs: { x: d.place === 3 ? d.wholes(shape) : d.floats(shape) },
      compute: ({ x }: Inputs) => compute(x as tf.Tensor, axis, exclusive, reverse),
    };
  },
});

export const reductionCases: readonly Case[] = [
  reduction("Sum", tf.sum, numbers),
  reduction("Mean", tf.mean, numbers),
  reduction("Max", tf.max, (d, shape) => (d.place === 3 ? d.wholes(shape) : d.floats(shape))),
  reduction("Min", tf.min, (d, shape) => (d.place === 3 ? d.wholes(shape) : d.floats(shape))),
  reduction("Prod", tf.prod, unlikeZero),
  reduction("All", tf.all, bools),
  reduction("Any", tf.any, bools),
  {
    // Large enough for the product with ones, and with more rows or fewer than where the operators change.
    kernel: "Sum",
    draw(d) {
      const shape = [
        d.pick([
          [200, 100],
          [40, 70, 8],
          [2000, 9],
        ]),
        [128, 16, 16, 4],
        [30, 600],
      ][d.place % 3] as number[] | number[][];
      const flat = shape.flat();
      const axes = [...Array(flat.length - 1).keys()];
      return {
        inputs: { x: d.floats(flat) },
        compute: ({ x }: Inputs) => tf.sum(x as tf.Tensor, axes),
        tolerance: 1e-4,
      };
    },
  },
  along("ArgMax", tf.argMax),
  along("ArgMin", tf.argMin),
  scan("Cumsum", tf.cumsum),
  scan("Cumprod", tf.cumprod),
  {
    kernel: "TopK",
    draw(d) {
      const shape = d.shape(d.rank(1, 4));
      const k = d.whole(1, shape.at(-1) as number);
      const x = d.place === 3 ? d.wholes(shape) : d.floats(shape);
      return {
        inputs: { x },
        compute({ x }: Inputs) {
          const { values, indices } = tf.topk(x as tf.Tensor, k);
          return [values, indices];
        },
      };
    },
  },
];
