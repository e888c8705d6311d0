import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../../../shared/compute/backend.ts";
import { type Rng, rng } from "../../../../shared/determinism/rng.ts";
import { compile, expectParity, type Named } from "../../../helpers/compiled.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

type Pad = "same" | "valid" | number | [[0, 0], [number, number], [number, number], [0, 0]];
const from = (r: Rng, low: number, high: number): number => low + r.below(high - low + 1);

function geometry(r: Rng) {
  const size: [number, number] = [from(r, 1, 4), from(r, 1, 4)];
  const strides: [number, number] = [from(r, 1, 3), from(r, 1, 3)];
  const explicit: Pad = [
    [0, 0],
    [r.below(3), r.below(3)],
    [r.below(3), r.below(3)],
    [0, 0],
  ];
  const pad = (["same", "valid", explicit, 1] as const)[r.below(4)] as Pad;
  const image: [number, number, number, number] = [
    from(r, 1, 3),
    from(r, 4, 9),
    from(r, 4, 9),
    from(r, 1, 3),
  ];
  const rounding = typeof pad === "object" ? (["floor", "round", "ceil"] as const)[r.below(3)] : undefined;
  return { size, strides, pad, image, rounding };
}

const draws = Array.from({ length: 16 }, (_, i) => i);

function gradients(f: (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor4D) {
  return ({ x, filter }: Named): Named => {
    const y = f(x as tf.Tensor4D, filter as tf.Tensor4D);
    // Every place of the output has another share in the loss.
    const weights = tf.range(0, y.size).mul(0.7).sin().reshape(y.shape);
    const loss = (a: tf.Tensor, b: tf.Tensor) =>
      f(a as tf.Tensor4D, b as tf.Tensor4D)
        .mul(weights)
        .sum();
    const [dx, dfilter] = tf.grads(loss)([x as tf.Tensor, filter as tf.Tensor]) as [tf.Tensor, tf.Tensor];
    return { y, dx, dfilter };
  };
}

async function withInputs(shapes: Record<string, number[]>, use: (inputs: Named) => Promise<void>) {
  const names = Object.keys(shapes);
  const inputs = Object.fromEntries(
    names.map((name, i) => [name, tf.randomUniform(shapes[name] as number[], -1, 1, "float32", i + 1)]),
  );
  try {
    await use(inputs);
  } finally {
    tf.dispose(inputs);
  }
}

describe("a compiled convolution", () => {
  it.each(draws)("equals the cpu backend, with its gradients (geometry %i)", async (i) => {
    const r = rng("convolution", i);
    const { size, strides, pad, image, rounding } = geometry(r);
    await withInputs({ x: image, filter: [...size, image[3], from(r, 1, 4)] }, (inputs) =>
      expectParity(
        inputs,
        gradients((x, filter) => tf.conv2d(x, filter, strides, pad as "same", "NHWC", 1, rounding)),
      ),
    );
  });

  it.each(draws)("equals the cpu backend for each channel alone (geometry %i)", async (i) => {
    const r = rng("depthwise", i);
    const { size, strides, pad, image, rounding } = geometry(r);
    await withInputs({ x: image, filter: [...size, image[3], from(r, 1, 2)] }, (inputs) =>
      expectParity(
        inputs,
        gradients((x, filter) => tf.depthwiseConv2d(x, filter, strides, pad as "same", "NHWC", 1, rounding)),
      ),
    );
  });

  it.each([1, 2])(
    "equals the cpu backend for each channel alone on larger images (stride %i)",
    async (stride) => {
      await withInputs({ x: [2, 17, 15, 2], filter: [3, 3, 2, 1] }, (inputs) =>
        expectParity(
          inputs,
          gradients((x, filter) => tf.depthwiseConv2d(x, filter, stride, "same")),
          1e-4,
        ),
      );
    },
  );

  it.each(["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu", "prelu"] as const)(
    "takes a bias and the activation %s with it",
    async (activation) => {
      await withInputs(
        {
          x: [2, 5, 6, 3],
          filter: [3, 2, 3, 4],
          filter2: [3, 2, 3, 2],
          bias: [4],
          bias6: [6],
          a: [4],
          a6: [6],
        },
        (inputs) =>
          expectParity(inputs, ({ x, filter, filter2, bias, bias6, a, a6 }) => {
            const options = {
              x: x as tf.Tensor4D,
              strides: 1,
              pad: "same",
              activation,
              leakyreluAlpha: 0.3,
            } as const;
            const alpha = activation === "prelu";
            return {
              plain: tf.fused.conv2d({
                ...options,
                filter: filter as tf.Tensor4D,
                bias: bias as tf.Tensor1D,
                ...(alpha ? { preluActivationWeights: a as tf.Tensor } : {}),
              }),
              deep: tf.fused.depthwiseConv2d({
                ...options,
                filter: filter2 as tf.Tensor4D,
                bias: bias6 as tf.Tensor1D,
                ...(alpha ? { preluActivationWeights: a6 as tf.Tensor } : {}),
              }),
            };
          }),
      );
    },
  );

  it("is dilated forwards, and refuses as TensorFlow.js does to give a gradient", async () => {
    await withInputs({ x: [2, 9, 9, 2], filter: [3, 3, 2, 3] }, async (inputs) => {
      const dilated = (x: tf.Tensor, filter: tf.Tensor) =>
        tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, "same", "NHWC", 2);
      await expectParity(inputs, ({ x, filter }) => ({ y: dilated(x as tf.Tensor, filter as tf.Tensor) }));
      await expect(compile(inputs, gradients(dilated as never))).rejects.toThrow(/dilation/i);
    });
  });

  it("over one dimension equals the cpu backend", async () => {
    await withInputs({ x: [2, 9, 2], filter: [3, 2, 3] }, (inputs) =>
      expectParity(inputs, ({ x, filter }) => ({
        y: tf.conv1d(x as tf.Tensor3D, filter as tf.Tensor3D, 2, "same"),
      })),
    );
  });
});
