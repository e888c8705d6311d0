import * as tf from "@tensorflow/tfjs";
import type { Case } from "./draw.ts";

type Inputs = Record<string, tf.Tensor>;

export const productCases: readonly Case[] = [
  {
    kernel: "BatchMatMul",
    draw(d) {
      const [rows, inner, columns] = [d.whole(1, 5), d.whole(1, 5), d.whole(1, 5)];
      const [transposeA, transposeB] = [d.chance(), d.chance()];
      const rank = d.place === 0 ? 2 : d.whole(0, 2);
      const batch = d.shape(rank);
      // The library broadcasts whole batches: each side has the batch, ones, or no more than its matrix.
      const other = d.pick([batch, batch.map(() => 1)]);
      const [batchA, batchB] = d.chance() ? [batch, other] : [other, batch];
      return {
        inputs: {
          a: d.floats([...batchA, ...(transposeA ? [inner, rows] : [rows, inner])]),
          b: d.floats([...batchB, ...(transposeB ? [columns, inner] : [inner, columns])]),
        },
        compute: ({ a, b }: Inputs) => tf.matMul(a as tf.Tensor, b as tf.Tensor, transposeA, transposeB),
      };
    },
  },
  {
    kernel: "_FusedMatMul",
    draw(d) {
      const [rows, inner, columns] = [d.whole(1, 5), d.whole(1, 5), d.whole(1, 5)];
      const [transposeA, transposeB] = [d.chance(), d.chance()];
      const activation = d.pick(["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu", "prelu"] as const);
      return {
        inputs: {
          a: d.floats(transposeA ? [inner, rows] : [rows, inner]),
          b: d.floats(transposeB ? [columns, inner] : [inner, columns]),
          bias: d.floats([columns]),
          alpha: d.floats([columns]),
        },
        compute: ({ a, b, bias, alpha }: Inputs) =>
          tf.fused.matMul({
            a: a as tf.Tensor,
            b: b as tf.Tensor,
            transposeA,
            transposeB,
            bias: bias as tf.Tensor,
            activation,
            leakyreluAlpha: 0.3,
            ...(activation === "prelu" ? { preluActivationWeights: alpha as tf.Tensor } : {}),
          }),
      };
    },
  },
  {
    kernel: "Einsum",
    draw(d) {
      const size: Record<string, number> = { b: d.whole(1, 3), i: d.whole(1, 4), j: d.whole(1, 4), k: 3 };
      const equation = d.pick(["bij,bjk->bik", "ij,jk->ik", "bij->bji", "ij,ij->i", "bij->b"]);
      const operands = (equation.split("->")[0] as string).split(",");
      const inputs = Object.fromEntries(
        operands.map((letters, i) => [`x${i}`, d.floats([...letters].map((l) => size[l] as number))]),
      );
      return { inputs, compute: (xs: Inputs) => tf.einsum(equation, ...Object.values(xs)) };
    },
  },
  {
    kernel: "Softmax",
    draw: (d) => ({
      inputs: { x: d.floats(d.shape(d.rank(1, 4)), -9, 9) },
      compute: ({ x }: Inputs) => tf.softmax(x as tf.Tensor),
    }),
  },
  {
    kernel: "FusedBatchNorm",
    draw(d) {
      const shape = d.shape(4);
      const channels = [shape[3] as number];
      const [scaled, shifted] = [d.chance(), d.chance()];
      return {
        inputs: {
          x: d.floats(shape),
          mean: d.floats(channels),
          variance: d.floats(channels, 0.1, 2),
          ...(scaled ? { scale: d.floats(channels) } : {}),
          ...(shifted ? { offset: d.floats(channels) } : {}),
        },
        compute: ({ x, mean, variance, offset, scale }: Inputs) =>
          tf.batchNorm(
            x as tf.Tensor4D,
            mean as tf.Tensor1D,
            variance as tf.Tensor1D,
            offset as tf.Tensor1D | undefined,
            scale as tf.Tensor1D | undefined,
            d.place === 0 ? undefined : 1e-5,
          ),
        tolerance: 1e-4,
      };
    },
  },
];
