import { describe, expect, it } from "vitest";
import { encodeModel } from "../../shared/compute/compiled/encode.ts";
import { Graph, type Value } from "../../shared/compute/compiled/graph.ts";
import { openOnnxModel } from "../../shared/compute/predictors/onnxModel.ts";
import { tryOnnx } from "../../shared/compute/predictors/trial/tryOnnx.ts";
import { ModelMapping } from "../../shared/config/modelFileSpec.ts";
import { BadOnnxModel } from "../../shared/model/onnxProto.ts";

const floats = (shape: number[]) => ({ shape, dtype: "float32" as const });
const whole = (shape: number[]) => ({ shape, dtype: "int64" as const });

/** y = x plus the sum of what `make` gives: a file of a few hundred bytes. */
function model(make: (g: Graph, x: Value) => Value): Uint8Array {
  const g = new Graph();
  const x = g.input("x", floats([-1, 4]));
  g.output("y", g.op("Add", [x, g.op("ReduceSum", [make(g, x)], floats([1, 1]))], floats([-1, 4])));
  return encodeModel(g.finish());
}

const huge: [string, (g: Graph, x: Value) => Value][] = [
  [
    "fills a tensor of 6 GB",
    (g) => g.op("ConstantOfShape", [g.list([40_000, 40_000])], floats([40_000, 40_000])),
  ],
  [
    "spreads a number over 6 GB",
    (g) => g.op("Expand", [g.scalar(1), g.list([40_000, 40_000])], floats([40_000, 40_000])),
  ],
  [
    "takes a size of 14 GB from how many samples there are",
    (g, x) => {
      const sizes = g.op("Mul", [g.op("Shape", [x], whole([2])), g.list([30_000, 30_000])], whole([2]));
      return g.op("ConstantOfShape", [sizes], floats([-1, -1]));
    },
  ],
  [
    "doubles a tensor 40 times",
    (g, x) => {
      let value = x;
      for (let i = 0; i < 40; i++) value = g.op("Concat", [value, value], floats([-1, 4]), { axis: 0 });
      return value;
    },
  ],
];

const run = [[{ name: "x", dtype: "float", shape: [1, 4] }]];

describe("an ONNX model of a few bytes that", () => {
  it.each(huge)("%s is refused within bounded memory", async (_, make) => {
    const before = process.memoryUsage.rss();
    const trial = tryOnnx(model(make), run, { mostMemory: 2 ** 28 });
    // ONNX Runtime itself refuses what no machine has at once.
    await expect(trial).rejects.toThrow(/takes more than 0.3 GiB|Failed to allocate memory/);
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 ** 28);
  });

  it("asks for more than any machine has is refused as a teacher", async () => {
    const bytes = model((g) =>
      g.op("ConstantOfShape", [g.list([10_000_000, 10_000_000])], floats([10_000_000, 10_000_000])),
    );
    const mapping = ModelMapping.parse({ output: "logits" });
    await expect(openOnnxModel(bytes, mapping, [4], { threads: 1, spinning: false })).rejects.toThrow(
      BadOnnxModel,
    );
  });

  it("computes for days is refused", async () => {
    const n = 5000;
    const slow = model((g, x) => {
      const ones = g.op("ConstantOfShape", [g.list([n, n])], floats([n, n]));
      const matrix = g.op("Add", [ones, g.op("ReduceSum", [x], floats([1, 1]))], floats([n, n]));
      let value = matrix;
      for (let i = 0; i < 2000; i++) {
        value = g.op("Tanh", [g.op("MatMul", [value, matrix], floats([n, n]))], floats([n, n]));
      }
      return value;
    });
    await expect(tryOnnx(slow, run, { mostMs: 1500 })).rejects.toThrow("computes for longer than 2 s");
  });

  it("does not run is refused, and the next one is tried all the same", async () => {
    const wrong = model((g, x) => g.op("Reshape", [x, g.list([3, 7])], floats([3, 7])));
    await expect(tryOnnx(wrong, run)).rejects.toThrow(/does not run on samples of zeros: .*Reshape/);
    await expect(
      tryOnnx(
        model((_, x) => x),
        run,
      ),
    ).resolves.toBeUndefined();
  });
});
