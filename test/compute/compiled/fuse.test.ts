import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../../shared/compute/backend.ts";
import { rng } from "../../../shared/determinism/rng.ts";
import { compile, expectParity, type Named } from "../../helpers/compiled.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const numbers = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -2, 2, "float32", seed);

async function operators(inputs: Named, compute: (inputs: Named) => Named): Promise<string[]> {
  await expectParity(inputs, compute);
  return (await compile(inputs, compute)).nodes.map(({ type }) => type);
}

describe("one operator stands for", () => {
  it("the log of a softmax", async () => {
    const x = numbers([3, 5], 1);
    expect(await operators({ x }, ({ x }) => ({ y: tf.logSoftmax(x as tf.Tensor) }))).toEqual(["LogSoftmax"]);
    x.dispose();
  });

  it("a product and its bias, unless somebody else takes the product", async () => {
    const inputs = { a: numbers([3, 4], 1), b: numbers([4, 2], 2), bias: numbers([2], 3) };
    const sum = ({ a, b, bias }: Named) => {
      const product = tf.matMul(a as tf.Tensor, b as tf.Tensor);
      return { product, y: product.add(bias as tf.Tensor) };
    };
    expect(await operators(inputs, (given) => ({ y: sum(given).y }))).toEqual(["Gemm"]);
    expect(await operators(inputs, (given) => ({ ...sum(given) }))).toEqual(["Gemm", "Add"]);
    tf.dispose(inputs);
  });

  it("no sum that is wider than its product", async () => {
    const inputs = { a: numbers([3, 4], 1), b: numbers([4, 1], 2), list: numbers([5], 3) };
    const seen = await operators(inputs, ({ a, b, list }) => ({
      y: tf.matMul(a as tf.Tensor, b as tf.Tensor).add(list as tf.Tensor),
    }));
    expect(seen).toEqual(["Gemm", "Add"]);
    tf.dispose(inputs);
  });

  it("the share of a normal distribution below a number", async () => {
    const x = numbers([3, 5], 1);
    const share = (a: number, b: number) => (given: Named) => ({
      y: tf
        .erf(given.x as tf.Tensor)
        .mul(a)
        .add(b),
    });
    expect(await operators({ x }, share(0.5, 0.5))).toEqual(["Erf", "HardSigmoid"]);
    expect(await operators({ x }, share(-0.25, 0.75))).toEqual(["Erf", "HardSigmoid"]);
    // Above 1 and below 0 the bounds of HardSigmoid would cut.
    expect(await operators({ x }, share(0.5, 0.6))).toEqual(["Erf", "Mul", "Add"]);
    expect(await operators({ x }, share(0.5, 0.4))).toEqual(["Erf", "Mul", "Add"]);
    x.dispose();
  });

  it("a product and factors before and behind it", async () => {
    const inputs = { a: numbers([2, 3, 4], 1), b: numbers([4, 2], 2), bias: numbers([2], 3) };
    const scaled = ({ a, b, bias }: Named): tf.Tensor => {
      const rows = (a as tf.Tensor).mul(0.7).reshape([6, 4]);
      const product = tf.matMul(rows, b as tf.Tensor).add(bias as tf.Tensor);
      return product.reshape([2, 3, 2]).mul(3);
    };
    const seen = await operators(inputs, (given) => ({ y: scaled(given) }));
    expect(seen.filter((type) => type !== "Reshape")).toEqual(["Mul", "Gemm"]); // the factor of the bias
    // A factor of higher rank gives its rank to the result.
    const wider = await operators(inputs, ({ a, b }) => ({
      y: tf.matMul((a as tf.Tensor).reshape([6, 4]), b as tf.Tensor).mul(tf.tensor([[[3]]])),
    }));
    expect(wider).toContain("Mul");
    // A product that somebody else sees is not scaled for all.
    const both = await operators(inputs, ({ a, b }) => {
      const product = tf.matMul((a as tf.Tensor).reshape([6, 4]), b as tf.Tensor);
      return { product, y: product.mul(3) };
    });
    expect(both.filter((type) => type !== "Reshape")).toEqual(["Gemm", "Mul"]);
    tf.dispose(inputs);
  });

  it("a convolution and its bias", async () => {
    const inputs = { x: numbers([2, 6, 6, 3], 1), filter: numbers([3, 3, 3, 4], 2), bias: numbers([4], 3) };
    const seen = await operators(inputs, ({ x, filter, bias }) => ({
      y: tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, "same").add(bias as tf.Tensor),
    }));
    expect(seen).not.toContain("Add");
    tf.dispose(inputs);
  });
});

describe("a pool after relu passes its gradient", () => {
  // Small whole numbers and zeros: many windows hold their greatest value more than once, and many hold none above 0.
  const stream = rng("fuse");
  const image = (): tf.Tensor =>
    tf.tensor(
      Float32Array.from({ length: 216 }, () => stream.below(7) - 3),
      [2, 6, 6, 3],
    );
  const pooled = (image: tf.Tensor): tf.Tensor => {
    const filter = tf.eye(3).reshape([1, 1, 3, 3]) as tf.Tensor4D;
    return tf.maxPool(tf.relu(tf.conv2d(image as tf.Tensor4D, filter, 1, "same")), 2, 2, "valid");
  };
  const gradient = ({ x }: Named): Named => ({
    dx: tf.grad((image) => {
      const y = pooled(image);
      return y.mul(tf.range(0, y.size).mul(0.7).sin().reshape(y.shape)).sum();
    })(x as tf.Tensor),
  });

  it("masked while it is small, to the same places", async () => {
    const inputs = { x: image() };
    const { nodes } = await compile(inputs, gradient);
    const unpool = nodes.findIndex(({ type }) => type === "MaxUnpool");
    expect(nodes.slice(0, unpool).map(({ type }) => type)).toContain("HardSigmoid");
    expect(nodes.slice(unpool).map(({ type }) => type)).not.toContain("HardSigmoid");
    await expectParity(inputs, gradient);
    inputs.x.dispose();
  });
});
