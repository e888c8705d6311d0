import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { ModelFileSpec } from "../../shared/config/modelFileSpec.ts";
import { openWorkspace, type Workspace } from "../helpers/cli.ts";

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
