import * as tf from "@tensorflow/tfjs";
import type { Case, Draw } from "./draw.ts";

type Inputs = Record<string, tf.Tensor>;

const numbers = (d: Draw, shape: number[]): tf.Tensor =>
  d.place === 2 ? d.bools(shape) : d.place === 3 ? d.wholes(shape) : d.floats(shape);

/** A kernel of one tensor; `compute` draws what else it needs from the tensor's shape before anything is recorded. */
const ofOne = (kernel: string, prepare: (d: Draw, shape: number[]) => (x: tf.Tensor) => tf.Tensor): Case => ({
  kernel,
  draw(d) {
    const shape = d.shape(d.rank(1, 4));
    const compute = prepare(d, shape);
    return { inputs: { x: numbers(d, shape) }, compute: ({ x }: Inputs) => compute(x as tf.Tensor) };
  },
});

/** A kernel without tensors; a tensor joins it so that there is something to feed. */
const ofNone = (kernel: string, prepare: (d: Draw) => () => tf.Tensor): Case => ({
  kernel,
  draw(d) {
    const compute = prepare(d);
    return {
      inputs: { x: d.floats([]) },
      compute: ({ x }: Inputs) => tf.cast(compute(), "float32").add(x as tf.Tensor),
    };
  },
});

export const shapeCases: readonly Case[] = [
  ofOne("Reshape", (d, shape) => {
    const to = d.permutation(shape.length).map((axis) => shape[axis] as number);
    if (d.chance()) to[d.whole(0, to.length - 1)] = -1;
    return (x) => tf.reshape(x, to);
  }),
  ofOne("ExpandDims", (d, shape) => {
    const axis = d.whole(-shape.length - 1, shape.length);
    return (x) => tf.expandDims(x, axis);
  }),
  ofOne("ZerosLike", () => (x) => tf.zerosLike(x)),
  ofOne("OnesLike", () => (x) => tf.onesLike(x)),
  ofNone("Fill", (d) => {
    const [shape, value] = [d.shape(), d.whole(-3, 3) / 2];
    return () => tf.fill(shape, value);
  }),
  ofOne("Transpose", (d, shape) => {
    const perm = d.permutation(shape.length);
    return (x) => tf.transpose(x, perm);
  }),
  ofOne("Tile", (d, shape) => {
    const reps = shape.map(() => d.whole(1, 3));
    return (x) => tf.tile(x, reps);
  }),
  ofNone("Range", (d) => {
    const [start, stop] = [d.whole(-5, 5), d.whole(-5, 5)];
    const step = (d.whole(1, 4) / 2) * (stop < start ? -1 : 1);
    return () => tf.range(start, stop, step).sum();
  }),
  ofNone("LinSpace", (d) => {
    const [start, stop, num] = [d.whole(-5, 5), d.whole(-5, 5), d.whole(1, 7)];
    return () => tf.linspace(start, stop, num);
  }),
  {
    kernel: "Diag",
    draw: (d) => ({
      inputs: { x: numbers(d, d.shape(d.whole(1, 2))) },
      compute: ({ x }: Inputs) => tf.diag(x as tf.Tensor),
    }),
  },
  ofOne("PadV2", (d, shape) => {
    const paddings = shape.map(() => [d.whole(0, 2), d.whole(0, 2)] as [number, number]);
    const value = d.place === 2 ? 0 : d.whole(0, 2);
    return (x) => tf.pad(x, paddings, value);
  }),
  {
    kernel: "MirrorPad",
    draw(d) {
      const shape = d.shape(d.rank(1, 4));
      const mode = d.pick(["reflect", "symmetric"] as const);
      const most = (n: number): number => Math.min(2, mode === "reflect" ? n - 1 : n);
      const paddings = shape.map((n) => [d.whole(0, most(n)), d.whole(0, most(n))] as [number, number]);
      return {
        inputs: { x: d.floats(shape) },
        compute: ({ x }: Inputs) => tf.mirrorPad(x as tf.Tensor, paddings, mode),
      };
    },
  },
  {
    kernel: "Concat",
    draw(d) {
      const shape = d.shape(d.rank(1, 4));
      const axis = d.axis(shape.length);
      const inputs = Object.fromEntries(
        Array.from({ length: d.whole(2, 4) }, (_, i) => [
          `x${i}`,
          numbers(d, shape.with(axis, d.whole(1, 3))),
        ]),
      );
      return { inputs, compute: (xs: Inputs) => tf.concat(Object.values(xs), axis) };
    },
  },
  ofOne("Slice", (d, shape) => {
    const begin = shape.map((n) => d.whole(0, n - 1));
    const size = shape.map((n, i) => (d.chance() ? -1 : d.whole(1, n - (begin[i] as number))));
    return (x) => tf.slice(x, begin, size);
  }),
  {
    kernel: "SplitV",
    draw(d) {
      const shape = d.shape(d.rank(1, 4));
      const axis = d.axis(shape.length);
      const sizes = Array.from({ length: d.whole(1, 3) }, () => d.whole(1, 3));
      const used = d.whole(1, sizes.length);
      const whole = shape.with(
        axis,
        sizes.reduce((a, b) => a + b, 0),
      );
      return {
        inputs: { x: numbers(d, whole) },
        // Some are not used, at the end too.
        compute: ({ x }: Inputs) => tf.split(x as tf.Tensor, sizes, axis).slice(0, used),
      };
    },
  },
  {
    kernel: "Pack",
    draw(d) {
      const shape = d.shape(d.rank(0, 4));
      const axis = d.whole(0, shape.length);
      const inputs = Object.fromEntries(
        Array.from({ length: d.whole(1, 4) }, (_, i) => [`x${i}`, numbers(d, shape)]),
      );
      return { inputs, compute: (xs: Inputs) => tf.stack(Object.values(xs), axis) };
    },
  },
  {
    kernel: "Unpack",
    draw(d) {
      const shape = d.shape(d.rank(1, 4));
      const axis = d.axis(shape.length);
      return {
        inputs: { x: numbers(d, shape) },
        compute: ({ x }: Inputs) => tf.unstack(x as tf.Tensor, axis),
      };
    },
  },
  ofOne("Reverse", (d, shape) => {
    const axes = d.axes(shape.length);
    return (x) => tf.reverse(x, axes);
  }),
  ofOne("StridedSlice", (d, shape) => {
    const back = shape.map(() => d.chance());
    const begin = shape.map((n, i) => (back[i] ? n - 1 : d.whole(0, n - 1)));
    const end = shape.map((n, i) => (back[i] ? d.whole(-n - 1, -n) : d.whole((begin[i] as number) + 1, n)));
    const strides = back.map((b) => d.whole(1, 3) * (b ? -1 : 1));
    return (x) => tf.stridedSlice(x, begin, end, strides);
  }),
];
