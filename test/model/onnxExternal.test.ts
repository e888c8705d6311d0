import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import protobuf from "protobufjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openOnnxModel } from "../../shared/compute/predictors/onnxModel.ts";
import { ModelMapping } from "../../shared/config/modelFileSpec.ts";
import { readModelFile } from "../../shared/model/modelFile.ts";
import { BadOnnxModel } from "../../shared/model/onnxProto.ts";

/** Enough of ONNX for a product and a sum, and a field that Stillhouse does not know. */
const messages = protobuf.parse(`
  syntax = "proto3";
  package onnx;
  message Model { int64 ir_version = 1; string doc_string = 6; Graph graph = 7; repeated Opset opset_import = 8; }
  message Opset { string domain = 1; int64 version = 2; }
  message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated Value input = 11; repeated Value output = 12; }
  message Node { repeated string input = 1; repeated string output = 2; string op_type = 4; }
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; repeated Entry external_data = 13; int32 data_location = 14; }
  message Entry { string key = 1; string value = 2; }
  message Value { string name = 1; Type type = 2; }
  message Type { TensorType tensor_type = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Shape { repeated Dim dim = 1; }
  message Dim { int64 dim_value = 1; string dim_param = 2; }
`).root;
const Model = messages.lookupType("onnx.Model");

interface External {
  location?: string;
  offset?: string;
  length?: string;
}

/** y = x w + b, with w of [2, 3] in another file, or somewhere. */
function model(external: External, dims = [2, 3]): Uint8Array {
  const value = (name: string, width: number) => ({
    name,
    type: {
      tensorType: { elemType: 1, shape: { dim: [{ dimParam: "batch" }, { dimValue: width }] } },
    },
  });
  const bias = new Uint8Array(Float32Array.of(10, 20, 30).buffer);
  return Model.encode(
    Model.fromObject({
      irVersion: 8,
      docString: "kept",
      opsetImport: [{ domain: "", version: 17 }],
      graph: {
        name: "g",
        node: [
          { input: ["x", "w"], output: ["p"], opType: "MatMul" },
          { input: ["p", "b"], output: ["y"], opType: "Add" },
        ],
        initializer: [
          {
            name: "w",
            dims,
            dataType: 1,
            dataLocation: 1,
            externalData: Object.entries(external).map(([key, value]) => ({ key, value })),
          },
          { name: "b", dims: [3], dataType: 1, rawData: bias },
        ],
        input: [value("x", 2)],
        output: [value("y", 3)],
      },
    }),
  ).finish();
}

let place: string;
let folder: string;
const numbers = Float32Array.of(99, 1, 2, 3, 4, 5, 6);
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "stillhouse-test-"));
  folder = join(place, "model");
  await mkdir(join(folder, "parts"), { recursive: true });
  await writeFile(join(folder, "parts", "w.bin"), new Uint8Array(numbers.buffer));
});
afterEach(() => rm(place, { recursive: true, force: true }));

async function read(external: External, dims?: number[]) {
  await writeFile(join(folder, "model.onnx"), model(external, dims));
  return readModelFile("onnx", join(folder, "model.onnx"), "model.onnx");
}
const inside = { location: "parts/w.bin", offset: "4", length: "24" };

describe("an ONNX model with weights in a file beside it", () => {
  it.each<[string, External]>([
    ["with its length", inside],
    ["without it", { location: "parts/w.bin", offset: "4" }],
    ["by a way around", { ...inside, location: "parts/../parts/w.bin" }],
  ])("is read as one object that predicts, %s", async (_, external) => {
    const { bytes, parameters } = await read(external);
    expect(parameters).toBe(9);
    await rm(join(folder, "parts"), { recursive: true });
    const mapping = ModelMapping.parse({ output: "logits" });
    const predictor = await openOnnxModel(bytes, mapping, [2], { threads: 1, spinning: false });
    // [1, 10] times [[1, 2, 3], [4, 5, 6]].
    expect([...(await predictor.predict(Float32Array.of(1, 10), 1))]).toEqual([51, 72, 93]);
    await predictor.close();
    expect(Model.decode(bytes)).toMatchObject({ docString: "kept" });
  });

  it("stays as it is where all weights are inside", async () => {
    const whole = (await read(inside)).bytes;
    await writeFile(join(folder, "whole.onnx"), whole);
    const again = await readModelFile("onnx", join(folder, "whole.onnx"), "whole.onnx");
    expect(Buffer.compare(again.bytes, whole)).toBe(0);
    expect(Buffer.compare(await readFile(join(folder, "whole.onnx")), whole)).toBe(0);
  });

  const own = "only files in the model's own folder are read";
  it.each<[External, string]>([
    [{ ...inside, location: "../model/parts/w.bin" }, own],
    [{ ...inside, location: "parts/../../secret" }, own],
    [{ ...inside, location: "/etc/passwd" }, own],
    [{ ...inside, location: "parts\\w.bin" }, own],
    [{ offset: "4", length: "24" }, own],
    [{ ...inside, location: "." }, "leaves the model's own folder"],
    [{ ...inside, location: "link" }, "it is a link that leaves the model's own folder"],
    [{ ...inside, location: "up/secret" }, "it is a link that leaves the model's own folder"],
    [{ ...inside, location: "parts" }, "that is no file"],
    [{ ...inside, location: "none.bin" }, "that cannot be read"],
    [{ ...inside, offset: "8" }, "it needs 24 bytes from 8, and the file has 28"],
    [{ ...inside, length: "28" }, 'said to be 28 bytes from 4 of "parts/w.bin": expected 24'],
    [{ ...inside, offset: "-4" }, "from -4"],
    [{ ...inside, offset: "1e99" }, "from 1e99"],
    [{ ...inside, length: "many" }, "said to be many bytes"],
  ])("is refused with %o", async (external, message) => {
    await writeFile(join(place, "secret"), new Uint8Array(1000));
    await symlink(join(place, "secret"), join(folder, "link"));
    await symlink(place, join(folder, "up"));
    await expect(read(external)).rejects.toThrow(BadOnnxModel);
    await expect(read(external)).rejects.toThrow(message);
  });

  it("is refused where it declares 10 GB, before anything is read", async () => {
    await expect(read({ location: "parts/w.bin" }, [50_000, 50_000])).rejects.toThrow(
      'its tensor "w" is declared as [50000, 50000], 2500000000 numbers',
    );
    await expect(read({ location: "parts/w.bin" }, [30_000, 30_000])).rejects.toThrow(
      /it has 360\d{7} bytes with the weights beside it/,
    );
  });
});
