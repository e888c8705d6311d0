import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { BadModelArtifact, packModel, unpackModel } from "../../shared/model/artifact.ts";
import { buildModel } from "../../shared/model/build.ts";
import { readWeights, WeightsMismatch, weightsHash, writeWeights } from "../../shared/model/weights.ts";
import { expectNoLeak, onEachBackend } from "../helpers/tensors.ts";

const arch = ArchSpec.parse({ arch: "mlp", hidden: [5] });

onEachBackend("weights", () => {
  it("written and read again are the same bits, as copies", () => {
    const from = buildModel(arch, [4], 3, [1]);
    const to = buildModel(arch, [4], 3, [2]);
    const weights = readWeights(from);
    expectNoLeak(() => writeWeights(to, weights));
    const hash = weightsHash(weights);
    expect(weightsHash(readWeights(to))).toBe(hash);
    weights[0]?.data.fill(9);
    readWeights(to)[0]?.data.fill(9);
    expect(weightsHash(readWeights(to))).toBe(hash);
    expect(weightsHash(readWeights(from))).toBe(hash);
    tf.dispose([from, to].flatMap((model) => model.weights.map((w) => w.read())));
  });

  it("of another model are refused, and nothing is written", () => {
    const model = buildModel(arch, [4], 3, [1]);
    const hash = weightsHash(readWeights(model));
    const other = buildModel(arch, [4], 7, [1]);
    const foreign = readWeights(other);
    other.dispose();
    expect(() => writeWeights(model, foreign)).toThrow(WeightsMismatch);
    expect(() => writeWeights(model, foreign)).toThrow(
      "at place 2 it holds logits/kernel [5,3], the weights hold logits/kernel [5,7]",
    );
    expect(() => writeWeights(model, readWeights(model).slice(1))).toThrow(/at place 0/);
    expect(() => writeWeights(model, readWeights(model).slice(0, 3))).toThrow(/the weights hold nothing/);
    const short = readWeights(model).map((weight) => ({ ...weight, data: weight.data.slice(1) }));
    expect(() => writeWeights(model, short)).toThrow(/it has 19 numbers, not 20/);
    expect(weightsHash(readWeights(model))).toBe(hash);
    model.dispose();
  });
});

describe("weightsHash()", () => {
  it("is SHA-256 over name, shape and little-endian bytes", () => {
    const bytes = Buffer.alloc(8);
    bytes.writeFloatLE(1.5, 0);
    bytes.writeFloatLE(-2, 4);
    const expected = createHash("sha256").update('["a/kernel",[2,1]]').update(bytes).digest("hex");
    const data = Float32Array.of(0, 1.5, -2).subarray(1);
    expect(weightsHash([{ name: "a/kernel", shape: [2, 1], data }])).toBe(expected);
  });
});

describe("a packed model", () => {
  const model = {
    arch,
    inputShape: [4],
    inputScale: 1 / 255,
    classes: 3,
    weights: [
      { name: "a", shape: [3], data: Float32Array.of(1, Number.MIN_VALUE, -0) },
      { name: "bc", shape: [2, 2], data: Float32Array.of(0.1, 0.2, 0.3, 0.4) },
    ],
  };

  it("comes back the same, from bytes at any offset", () => {
    const packed = packModel(model);
    for (const offset of [0, 1, 2, 3]) {
      const moved = new Uint8Array(packed.length + offset);
      moved.set(packed, offset);
      expect(unpackModel(moved.subarray(offset))).toEqual(model);
    }
  });

  it("is the same bytes for the same model, whatever the order of the spec's keys", () => {
    const turned = Object.fromEntries(Object.entries(arch).reverse()) as ArchSpec;
    expect(packModel({ ...model, arch: turned })).toEqual(packModel(model));
    expect(packModel({ ...model, classes: 4 })).not.toEqual(packModel(model));
  });

  it("is refused when it is cut, is something else, or has a weight of the wrong size", () => {
    const packed = packModel(model);
    expect(() => unpackModel(packed.subarray(0, packed.length - 3))).toThrow(BadModelArtifact);
    expect(() => unpackModel(new Uint8Array([1]))).toThrow(BadModelArtifact);
    const wrong = { ...model, weights: [{ name: "a", shape: [2], data: Float32Array.of(1) }] };
    expect(() => unpackModel(packModel(wrong))).toThrow("weight a of shape [2]: it has 4 bytes, not 8");
  });
});
