import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { ModelFileSpec } from "../../shared/config/modelFileSpec.ts";
import { openWorkspace, type Workspace, workspace } from "../helpers/cli.ts";
import { GraphModel, windowAttributes } from "../helpers/graphModel.ts";
import { smallSavedModel, writeSavedModel } from "../helpers/savedModel.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** Classifiers that nobody here trained, in a folder beside the repository. */
const folder = fileURLToPath(new URL("../../../shared/models/", import.meta.url));
const present = existsSync(folder);
const raw = `${folder}mnist-cntk-onnx/mnist.onnx`;
const layers = `${folder}mnist-tfjs-layers/model.json`;

describe.skipIf(!present)(
  `stillhouse inspect${present ? "" : " (skipped: ../shared/models is absent)"}`,
  () => {
    let place: Workspace;
    let spec: string;
    beforeAll(async () => {
      place = await openWorkspace();
      spec = await place.spec("digits", {
        name: "digits",
        seeds: [1],
        data: { dataset: "mnist" },
        teachers: [
          { name: "layers", model: { format: "tfjs-layers", path: layers, output: "probabilities" } },
        ],
        student: { model: { arch: "mlp", hidden: [16] }, train: { epochs: 1 } },
      });
    });
    afterAll(() => place.dispose());

    /** The teacher of the spec that was printed. */
    function printed(stdout: string): ModelFileSpec {
      return ModelFileSpec.parse(parse(stdout.slice(stdout.indexOf("teachers:"))).teachers[0].model);
    }

    it("shows what a model takes and gives, and a spec that is one", async () => {
      const { code, stdout, stderr } = await place.run(["inspect", raw]);
      expect(code, stderr).toBe(0);
      expect(stdout).toContain('input       "Input3" float [1, 1, 28, 28]');
      expect(stdout).toContain('output      "Plus214_Output_0" float [1, 10]');
      expect(stdout).toMatch(/operators +.*Conv 2/);
      // Two 5x5 convolutions and a matrix of 256 x 10, as its operators say.
      expect(stdout).toMatch(/FLOPs +1\.57 MFLOPs a sample .* a multiply-add as 2/);
      expect(stdout).toContain('"Pooling160_Output_0_reshape0" [1, 256]');
      expect(printed(stdout)).toMatchObject({ format: "onnx", output: "logits" });
    });

    it("finds how often a teacher of the spec is right, as its README says", async () => {
      const { code, stdout, stderr } = await place.run([
        "inspect",
        layers,
        "--data",
        spec,
        "--split",
        "test",
      ]);
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(/^99\.[23]\d% right on 10,000 test samples of mnist/m);
      expect(stdout).not.toContain("likely:");
      // 3x3 convolutions of 32, 64 and 64 channels on [26, 26], [11, 11] and [3, 3], matrices of 576 x 64 and 64 x 10.
      expect(stdout).toMatch(/FLOPs +5\.59 MFLOPs/);
      expect(stdout).toMatch(/last inner +"\w+" float \[any, 3, 3, 64\]/);
      expect(printed(stdout)).toMatchObject({ format: "tfjs-layers", output: "probabilities", scale: 1 });
    });

    it("tells how near a model in whole numbers is to itself in floats", async () => {
      const known = await place.spec("known", {
        name: "known",
        seeds: [1],
        data: { dataset: "mnist" },
        teachers: [{ name: "raw", model: { format: "onnx", path: raw, output: "logits", scale: 255 } }],
        student: { model: { arch: "mlp", hidden: [16] }, train: { epochs: 1 } },
      });
      const { code, stdout, stderr } = await place.run([
        ...["inspect", raw, "--data", known],
        ...["--quantise", "int8"],
      ]);
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(
        /^in int8, 0.02 MB of 0.03 MB: the same answer as in floats on (99\.[5-9]\d|100\.00)% of 6,0\d\d samples, mean KL /m,
      );
      expect(printed(stdout)).toMatchObject({ format: "onnx", scale: 255, quantise: "int8" });
      const without = await place.run(["inspect", raw, "--quantise", "int8"]);
      expect(without.code).toBe(1);
      expect(without.stderr).toContain("give samples by --data SPEC");
    });

    it("finds the preprocessing of a teacher whose spec has a wrong one", async () => {
      const wrong = await place.spec("wrong", {
        name: "wrong",
        seeds: [1],
        data: { dataset: "mnist" },
        teachers: [{ name: "raw", model: { format: "onnx", path: raw, output: "logits", mean: 10 } }],
        student: { model: { arch: "mlp", hidden: [16] }, train: { epochs: 1 } },
      });
      const { code, stdout, stderr } = await place.run(["inspect", raw, "--data", wrong]);
      expect(code, stderr).toBe(0);
      const seen = /^([\d.]+)% right on 6,0\d\d validation samples of mnist, with scale 1, mean 10,/m.exec(
        stdout,
      );
      expect(Number(seen?.[1])).toBeLessThan(50);
      expect(stdout).toContain("likely: ");
      // Of what was tried the best is printed as a spec; its authors give 98.9%.
      const best = /^ +([\d.]+)% /m.exec(stdout.slice(stdout.indexOf("on the first")));
      expect(Number(best?.[1])).toBeGreaterThan(97);
      expect(printed(stdout).mean).not.toBe(10);
    });

    it("refuses what is no model", async () => {
      const { code, stderr } = await place.run(["inspect", spec]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/Cannot inspect ".*digits.*": expected an ONNX file/);
    });
  },
);

describe("stillhouse inspect of models written here", () => {
  it("knows a graph model by its model.json", async () => {
    const place = await workspace();
    const g = new GraphModel();
    g.placeholder("x", [-1, 4, 4, 1]);
    g.weight("kernel", [3, 3, 1, 2], new Array(18).fill(0.5));
    g.node("conv", "Conv2D", ["x", "kernel"], windowAttributes([1, 1, 1, 1], "SAME"));
    g.weight("sizes", [2], [-1, 32], "int32");
    g.node("flat", "Reshape", ["conv", "sizes"]);
    const { modelJson, weightFiles } = g.files();
    await writeFile(place.path("model.json"), modelJson);
    for (const { name, bytes } of weightFiles) await writeFile(place.path(name), bytes);
    const { code, stdout, stderr } = await place.run(["inspect", "model.json"]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^model.json {2}tfjs-graph, /);
    expect(stdout).toContain('input       "x" float [any, 4, 4, 1]');
    expect(stdout).toMatch(/parameters +18$/m);
    // 16 places of 2 channels, each over 9 numbers.
    expect(stdout).toMatch(/FLOPs +0.576 kFLOPs/);
    expect(stdout).toContain('"conv" [1, 4, 4, 2]');
    expect(stdout).toContain("format: tfjs-graph");
  });

  it("knows a SavedModel by its folder, without TensorFlow's own library", async () => {
    const place = await workspace();
    await writeSavedModel(place.path("small"), smallSavedModel());
    const nowhere = { STILLHOUSE_NATIVE_DIR: place.path("none") };
    const { code, stdout, stderr } = await place.run(["inspect", "small"], { env: nowhere });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^small {2}saved-model, /);
    expect(stdout).toContain('input       "image" float [any, 3]');
    expect(stdout).toMatch(/parameters +8$/m);
    expect(stdout).toMatch(/FLOPs +unknown: /);
    expect(stdout).toMatch(
      /format: saved-model\n +path: "small".*\n +output: logits.*\n +outputName: "scores"/,
    );
  });
});
