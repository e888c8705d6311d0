import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { chooseBackend } from "../../../shared/compute/backend.ts";
import { loadOnnxRuntime } from "../../../shared/compute/compiled/session.ts";
import { exportOnnx } from "../../../shared/compute/exportOnnx.ts";
import { restoreModel } from "../../../shared/compute/predictors/nativeModel.ts";
import { gatherInputs } from "../../../shared/data/gather.ts";
import { packModel } from "../../../shared/model/artifact.ts";
import { buildModel } from "../../../shared/model/build.ts";
import { readWeights } from "../../../shared/model/weights.ts";
import { expectNoLeakAsync } from "../../helpers/tensors.ts";
import { CLASSES, small, smallDataset, smallNames } from "../../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

it.each(smallNames)(
  "an exported %s opens in ONNX Runtime and gives TensorFlow.js's logits for any batch",
  async (name) => {
    const { arch, inputShape } = small[name];
    const built = buildModel(arch, inputShape, CLASSES, ["export"]);
    const artifact = packModel({
      arch,
      inputShape,
      inputScale: 1,
      classes: CLASSES,
      weights: readWeights(built),
    });
    built.dispose();
    const tokens = arch.arch === "transformer" ? arch.vocabulary : undefined;
    const dataset = smallDataset(name);
    await expectNoLeakAsync(async () => {
      const model = restoreModel(artifact);
      const exported = await exportOnnx(model, { "stillhouse.run": "r1" }, tokens);
      expect(exported.largestDifference).toBeLessThan(1e-4);
      // A session of its own, of the file alone: weights and all are inside.
      const { InferenceSession, Tensor } = await loadOnnxRuntime();
      const session = await InferenceSession.create(exported.bytes);
      expect(session.inputNames).toEqual(["inputs"]);
      expect(session.outputNames).toEqual(["logits"]);
      for (const rows of [1, 3, 50]) {
        const inputs = gatherInputs(dataset, dataset.splits.train.subarray(0, rows));
        const shape = [rows, ...inputShape];
        const { logits } = await session.run({ inputs: new Tensor("float32", inputs, shape) });
        expect(logits?.dims).toEqual([rows, CLASSES]);
        const expected: number[] = [];
        tf.tidy(() => void expected.push(...model.forward(tf.tensor(inputs.slice(), shape)).dataSync()));
        expected.forEach((value, i) => {
          expect(Math.abs((logits?.data[i] as number) - value)).toBeLessThanOrEqual(1e-4);
        });
      }
      await session.release();
      model.dispose();
    });
  },
);
