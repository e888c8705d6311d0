import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { encodeModel } from "../../shared/compute/compiled/encode.ts";
import { float, Graph, type Value } from "../../shared/compute/compiled/graph.ts";
import type { Predictor } from "../../shared/compute/predictors/predictor.ts";
import { loadTeacherModel } from "../../shared/compute/predictors/teacherModel.ts";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { ModelMapping } from "../../shared/config/modelFileSpec.ts";
import { packModel } from "../../shared/model/artifact.ts";
import { buildModel } from "../../shared/model/build.ts";
import { readModelFile } from "../../shared/model/modelFile.ts";
import { readOnnx } from "../../shared/model/onnxFile.ts";
import { CannotQuantise, quantiseOnnx } from "../../shared/model/quantise/quantiseOnnx.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { settings } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "compiled" });
});

const floats = (shape: number[]) => ({ shape, dtype: "float32" as const });
const waves = (length: number, phase: number): number[] =>
  Array.from({ length }, (_, i) => Math.sin(i * 1.7 + phase) * (1 + (i % 5)));
const f32 = Math.fround;

/** As ONNX rounds: half to even. */
function rounded(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest === 0.5 ? down + (down % 2 === 0 ? 0 : 1) : Math.round(x);
}

/**
 * x w by the formulas of docs alone: per row s = max |x| / 127 (or max x / 255 where nothing is below 0), per column
 * S = max |w| / 63. Sums are exact; each step in floats is rounded as float32 is.
 */
function product(
  x: number[],
  w: number[],
  [rows, inner, columns]: [number, number, number],
  nonNegative = false,
): number[] {
  const scales = Array.from({ length: columns }, (_, column) => {
    const largest = Math.max(...w.filter((_, i) => i % columns === column).map((v) => Math.abs(f32(v))));
    return f32(largest / 63) || 1;
  });
  const whole = w.map((v, i) => Math.round(f32(v) / (scales[i % columns] as number)));
  return Array.from({ length: rows * columns }, (_, i) => {
    const row = x.slice(Math.floor(i / columns) * inner, (Math.floor(i / columns) + 1) * inner);
    const scale = f32(Math.max(...row.map(Math.abs)) * f32(1 / (nonNegative ? 255 : 127)));
    const sum = row.reduce(
      (total, v, k) => total + rounded(f32(v / scale)) * (whole[k * columns + (i % columns)] as number),
      0,
    );
    return f32(f32(sum * scale) * (scales[i % columns] as number));
  });
}

async function open(
  bytes: Uint8Array,
  data: number[],
  more: object = { quantise: "int8" },
): Promise<Predictor> {
  const mapping = ModelMapping.parse({ output: "logits", ...more });
  return loadTeacherModel({ format: "onnx", mapping }, bytes, data, settings("compiled"));
}

const inputs = Array.from(Float32Array.from(waves(23 * 6, 4)));

describe("an ONNX model in whole numbers", () => {
  const dense = (add: (g: Graph, x: Value) => Value): Uint8Array => {
    const g = new Graph();
    g.output("y", add(g, g.input("x", floats([-1, 6]))));
    return encodeModel(g.finish());
  };
  const w = waves(6 * 4, 1);
  const matmul = dense((g, x) => g.op("MatMul", [x, g.constant(w, floats([6, 4]))], floats([-1, 4])));

  it("computes its products as the formulas say, to the last bit", async () => {
    const predictor = await open(matmul, [6]);
    const seen = await predictor.predict(Float32Array.from(inputs), 23);
    expect([...seen]).toEqual(product(inputs, w, [23, 6, 4]));
    await predictor.close();
  });

  it("takes 8 bits for what is never below 0, and turns the matrix where Gemm does", async () => {
    const [alpha, beta, bias] = [2, 0.5, [1, -2, 3, 40]];
    const turned = Array.from({ length: 24 }, (_, i) => w[(i % 6) * 4 + Math.floor(i / 6)] as number);
    const bytes = dense((g, x) => {
      const open = g.op("Relu", [x], floats([-1, 6]));
      const operands = [open, g.constant(turned, floats([4, 6])), g.constant(bias, floats([4]))];
      return g.op("Gemm", operands, floats([-1, 4]), { alpha: float(alpha), beta: float(beta), transB: 1 });
    });
    const predictor = await open(bytes, [6]);
    const seen = await predictor.predict(Float32Array.from(inputs), 23);
    const open0 = inputs.map((v) => Math.max(0, v));
    const plain = product(open0, w, [23, 6, 4], true);
    // A factor of 2 changes no digit.
    expect([...seen]).toEqual(plain.map((v, i) => f32(f32(v * alpha) + beta * (bias[i % 4] as number))));
    await predictor.close();
  });

  it("gives a sample the same labels, whatever is predicted beside it, and zeros for zeros", async () => {
    const predictor = await open(matmul, [6]);
    const all = await predictor.predict(Float32Array.from(inputs), 23);
    for (const row of [0, 7, 22]) {
      const one = await predictor.predict(Float32Array.from(inputs.slice(row * 6, row * 6 + 6)), 1);
      expect([...one]).toEqual([...all.subarray(row * 4, row * 4 + 4)]);
    }
    expect([...(await predictor.predict(new Float32Array(6), 1))]).toEqual([0, 0, 0, 0]);
    await predictor.close();
  });

  it("keeps what else it has, and drops matrices in floats that nobody needs", () => {
    const both = dense((g, x) => {
      const matrix = g.constant(w, floats([6, 4]));
      const product = g.op("MatMul", [x, matrix], floats([-1, 4]));
      return g.op(
        "Add",
        [product, g.op("ReduceSum", [matrix, g.list([0])], floats([1, 4]))],
        floats([-1, 4]),
      );
    });
    // 24 weights and a list; then as many whole numbers, 4 scales and 3 numbers more: the floats stay for the sum.
    expect(readOnnx(both).parameters).toBe(25);
    expect(readOnnx(quantiseOnnx(both).bytes).parameters).toBe(25 + 24 + 4 + 5);
    expect(readOnnx(quantiseOnnx(matmul).bytes).parameters).toBe(24 + 4 + 5);
    const { operators } = readOnnx(quantiseOnnx(both).bytes);
    expect([operators.get("MatMulInteger"), operators.get("ReduceSum"), operators.has("MatMul")]).toEqual([
      1,
      1,
      false,
    ]);
  });

  it("is refused by name where nothing can be quantised", async () => {
    const relu = dense((g, x) => g.op("Relu", [x], floats([-1, 6])));
    await expect(open(relu, [6])).rejects.toThrow(CannotQuantise);
    const arch = ArchSpec.parse({ arch: "mlp", hidden: [4] });
    const model = buildModel(arch, [6], 3, [1]);
    const bytes = packModel({
      arch,
      inputShape: [6],
      inputScale: 1,
      classes: 3,
      weights: readWeights(model),
    });
    model.dispose();
    const mapping = ModelMapping.parse({ output: "logits", quantise: "int8" });
    await expect(
      loadTeacherModel({ format: "stillhouse", mapping }, bytes, [6], settings("wasm")),
    ).rejects.toThrow(/only what is compiled is quantised/);
  });
});

describe("a model of our own in whole numbers", () => {
  it("computes its dense layers as the formulas say", async () => {
    const arch = ArchSpec.parse({ arch: "mlp", hidden: [5] });
    const model = buildModel(arch, [6], 4, [1]);
    const weights = readWeights(model).map(({ name, shape }, i) => ({
      name,
      shape,
      data: Float32Array.from(
        waves(
          shape.reduce((a, b) => a * b, 1),
          i,
        ),
      ),
    }));
    model.dispose();
    const bytes = packModel({ arch, inputShape: [6], inputScale: 1, classes: 4, weights });
    const mapping = ModelMapping.parse({ output: "logits", quantise: "int8" });
    const predictor = await loadTeacherModel(
      { format: "stillhouse", mapping },
      bytes,
      [6],
      settings("compiled"),
    );
    const seen = await predictor.predict(Float32Array.from(inputs), 23);
    const [w1, b1, w2, b2] = weights.map(({ data }) => [...data]) as [number[], number[], number[], number[]];
    const hidden = product(inputs, w1, [23, 6, 5]).map((v, i) => Math.max(0, f32(v + (b1[i % 5] as number))));
    const wanted = product(hidden, w2, [23, 5, 4], true).map((v, i) => f32(v + (b2[i % 4] as number)));
    expect([...seen]).toEqual(wanted);
    await predictor.close();
  });
});

const folder = fileURLToPath(new URL("../../../shared/models/", import.meta.url));
describe.skipIf(!existsSync(folder))("public MNIST classifiers in whole numbers", () => {
  it.each([
    ["mnist-cnn-onnx/mnist_cnn.onnx", 2, 3136 * 128 + 128 * 10],
    // Written in version 8 of the operators, its matrix brought into form by a Reshape.
    ["mnist-cntk-onnx/mnist.onnx", 1, 2560],
  ])("%s has %i products of %i weights, and is smaller", async (file, products, weights) => {
    const { bytes } = await readModelFile("onnx", `${folder}${file}`, file);
    const quantised = quantiseOnnx(bytes);
    expect(quantised).toMatchObject({ products, weights });
    // Three bytes less for each weight, but for scales and new nodes.
    expect(bytes.length - quantised.bytes.length).toBeGreaterThan(3 * weights - 4000);
  });
});
