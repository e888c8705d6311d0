import * as tf from "@tensorflow/tfjs";
import type { Case, Draw } from "./draw.ts";

type Inputs = Record<string, tf.Tensor>;

const int = (values: number[], shape: number[]): tf.Tensor => tf.tensor(values, shape, "int32");
const times = (n: number, one: () => number): number[] => Array.from({ length: n }, one);

/** Indices into the first `depth` axes of a shape: [count, depth]. */
function places(d: Draw, shape: readonly number[], depth: number, count: number): tf.Tensor {
  const rows = Array.from({ length: count }, () => shape.slice(0, depth).map((n) => d.whole(0, n - 1)));
  return int(rows.flat(), [count, depth]);
}

export const indexingCases: readonly Case[] = [
  {
    kernel: "OneHot",
    draw(d) {
      const [depth, on, off] = [d.whole(2, 6), d.pick([1, 3]), d.pick([0, -1])];
      const dtype = d.pick(["float32", "int32"] as const);
      return {
        inputs: { x: d.wholes(d.shape(d.rank(1, 3)), -1, depth) },
        compute: ({ x }: Inputs) => tf.oneHot(x as tf.Tensor, depth, on, off, dtype),
      };
    },
  },
  {
    kernel: "GatherV2",
    draw(d) {
      const batched = d.place > 2;
      const shape = d.shape(d.rank(batched ? 2 : 1, 4));
      const axis = batched ? d.whole(1, shape.length - 1) : d.whole(0, shape.length - 1);
      const count = d.whole(1, 6);
      const indices = [...(batched ? [shape[0] as number] : []), count];
      const size = indices.reduce((a, b) => a * b, 1);
      return {
        inputs: {
          x: d.floats(shape),
          i: int(
            times(size, () => d.whole(0, (shape[axis] as number) - 1)),
            indices,
          ),
        },
        compute: ({ x, i }: Inputs) => tf.gather(x as tf.Tensor, i as tf.Tensor, axis, batched ? 1 : 0),
      };
    },
  },
  {
    kernel: "GatherNd",
    draw(d) {
      const shape = d.shape(d.rank(1, 4));
      return {
        inputs: { x: d.floats(shape), i: places(d, shape, d.whole(1, shape.length), d.whole(1, 5)) },
        compute: ({ x, i }: Inputs) => tf.gatherND(x as tf.Tensor, i as tf.Tensor),
      };
    },
  },
  {
    // As many segments as one product adds up, or more; some ids are dropped.
    kernel: "UnsortedSegmentSum",
    draw(d) {
      const [n, segments] = [d.whole(1, 9), d.pick([3, 70])];
      return {
        inputs: { x: d.floats([n, ...d.shape(d.rank(0, 3))]), ids: d.wholes([n], -1, segments) },
        compute: ({ x, ids }: Inputs) => tf.unsortedSegmentSum(x as tf.Tensor, ids as tf.Tensor1D, segments),
      };
    },
  },
  {
    kernel: "ScatterNd",
    draw(d) {
      const shape = [d.pick([4, 80]), ...d.shape(d.whole(0, 2))];
      const [depth, count] = [d.whole(1, shape.length), d.whole(1, 9)];
      return {
        inputs: { i: places(d, shape, depth, count), u: d.floats([count, ...shape.slice(depth)]) },
        compute: ({ i, u }: Inputs) => tf.scatterND(i as tf.Tensor, u as tf.Tensor, shape as [number]),
      };
    },
  },
  {
    kernel: "TensorScatterUpdate",
    draw(d) {
      const shape = d.shape(d.rank(1, 3));
      const rows = d.permutation(shape[0] as number).slice(0, d.whole(1, shape[0] as number));
      return {
        inputs: {
          x: d.floats(shape),
          i: int(rows, [rows.length, 1]),
          u: d.floats([rows.length, ...shape.slice(1)]),
        },
        compute: ({ x, i, u }: Inputs) =>
          tf.tensorScatterUpdate(x as tf.Tensor, i as tf.Tensor, u as tf.Tensor),
      };
    },
  },
];
