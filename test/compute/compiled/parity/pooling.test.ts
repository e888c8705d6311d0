import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, it } from "vitest";
import { chooseBackend } from "../../../../shared/compute/backend.ts";
import { rng } from "../../../../shared/determinism/rng.ts";
import { expectParity } from "../../../helpers/compiled.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const draws = Array.from({ length: 20 }, (_, i) => i);

describe.each(["max", "avg"] as const)("a compiled %s pool", (kind) => {
  // Small whole numbers and many zeros: most windows hold their greatest value more than once.
  it.each(draws)("equals the cpu backend, with its gradient (geometry %i)", async (i) => {
    const r = rng("pool", kind, i);
    const from = (low: number, high: number): number => low + r.below(high - low + 1);
    const size: [number, number] = i % 3 === 0 ? [2, 2] : [from(1, 3), from(1, 3)];
    const strides: [number, number] = i % 3 === 0 ? [2, 2] : [from(1, 3), from(1, 3)];
    const pad = (["same", "valid"] as const)[r.below(2)] as "same" | "valid";
    const shape: [number, number, number, number] = [from(1, 3), from(4, 9), from(4, 9), from(1, 3)];
    const count = shape.reduce((a, b) => a * b, 1);
    const x = tf.tensor4d(
      Array.from({ length: count }, () => Math.max(0, r.below(5) - 2)),
      shape,
    );
    const pool = (image: tf.Tensor) =>
      (kind === "max" ? tf.maxPool : tf.avgPool)(image as tf.Tensor4D, size, strides, pad);
    await expectParity({ x }, ({ x }) => {
      const y = pool(x as tf.Tensor);
      const weights = tf.range(0, y.size).mul(0.7).sin().reshape(y.shape);
      return { y, dx: tf.grad((image) => pool(image).mul(weights).sum())(x as tf.Tensor) };
    });
    x.dispose();
  });
});
