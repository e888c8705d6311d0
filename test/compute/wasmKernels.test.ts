import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { installWasmBridge } from "../../shared/compute/wasmBridge.ts";
import { installWasmTranspose } from "../../shared/compute/wasmTranspose.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { expectClose, expectNoLeak } from "../helpers/tensors.ts";

function random(name: string, shape: number[]): tf.Tensor {
  const { normal } = rng("wasm-kernels", name);
  return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, normal), shape);
}

/** What `compute` gives on the cpu backend and on wasm, where it must leave nothing behind. */
async function onBoth(compute: () => tf.Tensor[]): Promise<{ cpu: number[][]; wasm: number[][] }> {
  const read = (): number[][] => {
    const values: number[][] = [];
    tf.tidy(() => {
      for (const tensor of compute()) values.push([...tensor.dataSync()]);
    });
    return values;
  };
  await tf.setBackend("cpu");
  const cpu = read();
  await tf.setBackend("wasm");
  const cpuBuffers = tf.findBackend("cpu").numDataIds();
  const wasm = expectNoLeak(read);
  expect(tf.findBackend("cpu").numDataIds()).toBe(cpuBuffers);
  return { cpu, wasm };
}

function expectSame({ cpu, wasm }: { cpu: number[][]; wasm: number[][] }): void {
  expect(wasm).toHaveLength(cpu.length);
  cpu.forEach((values, i) => {
    const largest = Math.max(...values.map(Math.abs));
    expectClose(wasm[i] as number[], values, 1e-5, largest);
  });
}

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
  await chooseBackend({ prefer: "wasm" });
});

describe("products with transposed operands on wasm", () => {
  it("BatchMatMul and _FusedMatMul run through the explicit transpose", () => {
    for (const name of ["BatchMatMul", "_FusedMatMul"] as const) {
      const { kernelFunc } = tf.getKernel(name, "wasm");
      installWasmTranspose();
      expect(tf.getKernel(name, "wasm").kernelFunc).toBe(kernelFunc);
      const transposed = { a: random("a", [3, 1, 4]), b: random("b", [3, 2, 4]) };
      // The wrapper calls Transpose, which the shipped kernel never does.
      const transpose = tf.getKernel("Transpose", "wasm");
      let calls = 0;
      tf.unregisterKernel("Transpose", "wasm");
      tf.registerKernel({
        ...transpose,
        kernelFunc: (args) => {
          calls++;
          return transpose.kernelFunc(args);
        },
      });
      const attrs = { transposeA: false, transposeB: true, activation: "linear" };
      const out = tf.engine().runKernel(name, transposed, attrs) as tf.Tensor;
      expect(out.shape).toEqual([3, 1, 2]);
      expect(calls).toBe(1);
      tf.unregisterKernel("Transpose", "wasm");
      tf.registerKernel(transpose);
      tf.dispose([out, transposed.a, transposed.b]);
    }
  });

  it.each([
    [[5, 3], [4, 5], true, true],
    [[3, 5], [4, 5], false, true],
    [[5, 3], [5, 4], true, false],
    [[1, 3], [1, 4], true, false],
    [[2, 5, 3], [2, 4, 5], true, true],
    [[2, 2, 5, 3], [2, 2, 5, 4], true, false],
  ])("of shapes [%s] and [%s], transposed %s and %s, equal those on cpu", async (a, b, tA, tB) => {
    expectSame(await onBoth(() => [tf.matMul(random("a", a), random("b", b), tA, tB)]));
  });

  it("fused with bias and ReLU equal those on cpu", async () => {
    expectSame(
      await onBoth(() => [
        tf.fused.matMul({
          a: random("a", [5, 3]) as tf.Tensor2D,
          b: random("b", [4, 5]) as tf.Tensor2D,
          transposeA: true,
          transposeB: true,
          bias: random("bias", [4]),
          activation: "relu",
        }),
      ]),
    );
  });

  it("a failing product leaves nothing behind", () => {
    const operands = { a: random("a", [5, 3]), b: random("b", [4, 6]) };
    const multiply = (): unknown =>
      tf.tidy(() => tf.engine().runKernel("BatchMatMul", operands, { transposeA: true, transposeB: true }));
    expectNoLeak(() => expect(multiply).toThrow(/inner shapes/));
    tf.dispose(operands);
  });
});

describe("kernels bridged from cpu to wasm", () => {
  it("installing again keeps the kernels", () => {
    const before = tf.getKernel("Einsum", "wasm").kernelFunc;
    installWasmBridge();
    expect(tf.getKernel("Einsum", "wasm").kernelFunc).toBe(before);
  });

  it.each([
    ["same", [1, 1], [3, 3]],
    ["valid", [2, 1], [2, 3]],
    ["same", [2, 2], [3, 2]],
    ["same", [3, 2], [1, 1]],
    [2, [1, 2], [4, 3]],
  ] as const)(
    "the gradient by a filter equals that on cpu (pad %s, strides %s, filter %s)",
    async (pad, strides, size) => {
      expectSame(
        await onBoth(() => [
          tf.grad((filter) => {
            const x = random("x", [2, 7, 6, 3]) as tf.Tensor4D;
            const y = tf.conv2d(x, filter as tf.Tensor4D, [...strides], pad);
            return y.mul(random("dy", y.shape)).sum();
          })(random("filter", [...size, 3, 4])),
        ]),
      );
    },
  );

  it("a cnn's gradients on wasm equal those on cpu", async () => {
    const gradients = (): tf.Tensor[] => {
      const x = random("x", [4, 8, 8, 2]) as tf.Tensor4D;
      const kernels = [random("k1", [3, 3, 2, 5]), random("k2", [3, 3, 5, 6]), random("w", [24, 3])];
      const loss = (k1: tf.Tensor, k2: tf.Tensor, w: tf.Tensor): tf.Scalar => {
        const a = tf.maxPool(tf.relu(tf.conv2d(x, k1 as tf.Tensor4D, 1, "same")), 2, 2, "valid");
        const b = tf.maxPool(tf.relu(tf.conv2d(a, k2 as tf.Tensor4D, 1, "same")), 2, 2, "valid");
        const logits = b.reshape([4, 24]).matMul(w);
        return tf.logSoftmax(logits).square().mean().asScalar();
      };
      return tf.grads((k1, k2, w) => loss(k1 as tf.Tensor, k2 as tf.Tensor, w as tf.Tensor))(kernels);
    };
    expectSame(await onBoth(gradients));
  });

  it("gradients of depthwise convolution, gather and einsum on wasm equal those on cpu", async () => {
    expectSame(
      await onBoth(() => {
        const x = random("x", [2, 5, 5, 3]) as tf.Tensor4D;
        const depthwise = tf.grads((a, k) =>
          tf
            .depthwiseConv2d(a as tf.Tensor4D, k as tf.Tensor4D, 1, "same")
            .square()
            .sum()
            .asScalar(),
        )([x, random("k", [3, 3, 3, 2])]);
        const gathered = tf.grad((table) =>
          tf
            .gather(table, tf.tensor1d([0, 2, 2], "int32"))
            .square()
            .sum()
            .asScalar(),
        )(random("table", [4, 3]));
        const einsum = tf.einsum("bij,bjk->bik", random("a", [2, 3, 4]), random("b", [2, 4, 2]));
        return [...depthwise, gathered, einsum];
      }),
    );
  });
});
