import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../../../shared/compute/backend.ts";
import { kernelRules } from "../../../../shared/compute/compiled/kernels/registry.ts";
import { expectParity, type Named, recordOn } from "../../../helpers/compiled.ts";
import { type Case, Draw, type Drawn } from "./draw.ts";
import { elementwiseCases } from "./elementwiseCases.ts";
import { indexingCases } from "./indexingCases.ts";
import { productCases } from "./productCases.ts";
import { reductionCases } from "./reductionCases.ts";
import { shapeCases } from "./shapeCases.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const cases: readonly Case[] = [
  ...elementwiseCases,
  ...reductionCases,
  ...shapeCases,
  ...productCases,
  ...indexingCases,
];
const DRAWS = 6;

/** Kernels whose geometries have test files of their own: convolutions.test.ts, pooling.test.ts. */
const elsewhere = [
  "Conv2D",
  "Conv2DBackpropFilter",
  "Conv2DBackpropInput",
  "DepthwiseConv2dNative",
  "DepthwiseConv2dNativeBackpropFilter",
  "DepthwiseConv2dNativeBackpropInput",
  "FusedConv2D",
  "FusedDepthwiseConv2D",
  "MaxPool",
  "MaxPoolGrad",
  "AvgPool",
  "AvgPoolGrad",
];

it("every kernel that can be compiled is compared", () => {
  const compared = new Set([...cases.map(({ kernel }) => kernel), ...elsewhere]);
  expect([...compared].sort()).toEqual(kernelRules.map(({ kernel }) => kernel).sort());
});

describe("a compiled kernel equals the cpu backend, with its gradient", () => {
  it.each(cases.map((one, i) => ({ ...one, title: `${one.kernel} (case ${i})` })))("$title", async (one) => {
    const seen = new Set<string>();
    let gradients = 0;
    let wanted = false;
    for (let place = 0; place < DRAWS; place++) {
      const drawn = one.draw(new Draw(one.kernel, place));
      const by = Object.keys(drawn.inputs).filter((name) => drawn.inputs[name]?.dtype === "float32");
      const forward = (inputs: Named): Named => named(drawn.compute(inputs));
      const backward = (inputs: Named): Named => gradientsBy(by, forward, inputs);
      try {
        for (const { kernel } of (await recordOn(drawn.inputs, forward)).kernels) seen.add(kernel);
        await expectParity(drawn.inputs, forward, drawn.tolerance);
        if (place === 0) {
          await expectParity(drawn.inputs, (inputs) => forward(afterConvolution(inputs)), drawn.tolerance);
        }
        if (by.length === 0 || !givesFloats(forward, drawn)) continue;
        // A fused kernel has a gradient without being listed as one that has.
        wanted ||= Boolean(tf.getGradient(one.kernel));
        if (!works(backward, drawn)) continue;
        await expectParity(drawn.inputs, backward, drawn.tolerance);
        gradients++;
      } catch (error) {
        throw new Error(`draw ${place}: ${describeInputs(drawn.inputs)}`, { cause: error });
      } finally {
        tf.dispose(drawn.inputs);
      }
    }
    expect([...seen]).toContain(one.kernel);
    if (wanted) expect(gradients, "draws whose gradient was compared").toBeGreaterThan(0);
  });
});

function named(outputs: tf.Tensor | tf.Tensor[]): Named {
  return Object.fromEntries([outputs].flat().map((y, i) => [`y${i}`, y]));
}

/** Gradients of the outputs' sum weighted by place. */
function gradientsBy(by: readonly string[], forward: (inputs: Named) => Named, given: Named): Named {
  const loss = (...xs: tf.Tensor[]): tf.Tensor => {
    const outputs = forward({
      ...given,
      ...Object.fromEntries(by.map((name, i) => [name, xs[i] as tf.Tensor])),
    });
    return tf.addN(Object.values(outputs).map((y) => y.mul(waves(y)).sum()));
  };
  const gradients = tf.grads(loss)(by.map((name) => given[name] as tf.Tensor));
  return Object.fromEntries(by.map((name, i) => [`d${name}`, gradients[i] as tf.Tensor]));
}

function givesFloats(forward: (inputs: Named) => Named, { inputs }: Drawn): boolean {
  return Object.values(tf.tidy(() => forward(inputs))).every((y) => {
    y.dispose();
    return y.dtype === "float32";
  });
}

/** Whether the library itself has a gradient for these shapes: it fails for some, as where Maximum broadcasts. */
function works(backward: (inputs: Named) => Named, { inputs }: Drawn): boolean {
  try {
    tf.dispose(tf.tidy(() => backward(inputs)));
    return true;
  } catch {
    return false;
  }
}

/** Another weight for each place. */
function waves({ size, shape }: tf.Tensor): tf.Tensor {
  return tf.range(0, size).mul(0.7).sin().reshape(shape);
}

/** Images go through a convolution that changes nothing: the graph then has them with channels first. */
function afterConvolution(inputs: Named): Named {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => [
      name,
      x.rank === 4 && x.dtype === "float32" ? sameImage(x as tf.Tensor4D) : x,
    ]),
  );
}

function sameImage(x: tf.Tensor4D): tf.Tensor {
  const channels = x.shape[3];
  const middle = tf.eye(channels).reshape([1, 1, channels, channels]) as tf.Tensor4D;
  const filter = middle.pad([
    [1, 1],
    [1, 1],
    [0, 0],
    [0, 0],
  ]) as tf.Tensor4D;
  return tf.conv2d(x, filter, 1, "same");
}

function describeInputs(inputs: Named): string {
  return Object.entries(inputs)
    .map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape}]`)
    .join(", ");
}
