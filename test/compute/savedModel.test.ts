import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import type { Predictor } from "../../shared/compute/predictors/predictor.ts";
import { loadTeacherModel } from "../../shared/compute/predictors/teacherModel.ts";
import { ModelMapping } from "../../shared/config/modelFileSpec.ts";
import { readModelFile } from "../../shared/model/modelFile.ts";
import { nativeMissing } from "../helpers/nativeBackend.ts";
import { SavedModel, smallSavedModel, writeSavedModel } from "../helpers/savedModel.ts";
import { expectClose, expectNoLeakAsync } from "../helpers/tensors.ts";
import { settings } from "../helpers/trainers.ts";

let place: string;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "stillhouse-test-"));
});
afterAll(() => rm(place, { recursive: true, force: true }));

let written = 0;
async function bundleOf(graph: Uint8Array): Promise<Uint8Array> {
  const folder = join(place, String(written++));
  await writeSavedModel(folder, graph);
  return (await readModelFile("saved-model", folder, "model")).bytes;
}

const open = async (
  graph: Uint8Array,
  mapping: object,
  data: number[],
  backend: "tfjs-node" | "wasm" = "tfjs-node",
): Promise<Predictor> => {
  const model = {
    format: "saved-model",
    mapping: ModelMapping.parse({ output: "logits", ...mapping }),
  } as const;
  return loadTeacherModel(model, await bundleOf(graph), data, settings(backend));
};

/** relu(x w + b), with the numbers of `smallSavedModel`. */
function scoresOf(inputs: Float32Array): number[] {
  return Array.from({ length: inputs.length / 3 }, (_, row) => {
    const [a = 0, b = 0, c = 0] = inputs.subarray(3 * row, 3 * row + 3);
    return [Math.max(0, a + 3 * b - 5 * c + 0.5), Math.max(0, -2 * a + 4 * b + 6 * c - 0.5)];
  }).flat();
}
const inputs = Float32Array.from({ length: 3 * 23 }, (_, i) => Math.sin(i * 1.3));

describe("a SavedModel without TensorFlow's own library", () => {
  it("is refused, and the message says how to get it", async () => {
    await chooseBackend({ prefer: "wasm" });
    await expect(open(smallSavedModel(), { outputName: "scores" }, [3], "wasm")).rejects.toThrow(
      /Cannot run a SavedModel on the backend wasm: .*stillhouse native install.* --backend tfjs-node/,
    );
  });
});

describe.skipIf(nativeMissing !== null)(
  `a SavedModel${nativeMissing === null ? "" : ` (skipped: ${nativeMissing})`}`,
  () => {
    beforeAll(async () => {
      expect((await chooseBackend({ prefer: "tfjs-node" })).name).toBe("tfjs-node");
    });

    it.each([-1, 1, 10])(
      "predicts what its graph says, for batches of %i, and leaks nothing",
      async (batch) => {
        const folders = async () =>
          (await readdir(tmpdir())).filter((name) => name.startsWith("stillhouse-model-"));
        const before = await folders();
        await expectNoLeakAsync(async () => {
          const mapping = { outputName: "scores", features: { all: "shares" } };
          const predictor = await open(smallSavedModel(batch), mapping, [3]);
          expect(await folders()).toEqual(before);
          const wanted = scoresOf(inputs);
          expectClose(await predictor.predict(inputs, 23), wanted, 1e-5, 1);
          const seen = await predictor.predictWithFeatures?.(inputs, 23);
          expectClose(seen?.logits ?? [], wanted, 1e-5, 1);
          const [first = 0, second = 0] = wanted;
          expect(seen?.features.all?.shape).toEqual([2]);
          expectClose(seen?.features.all?.values[0] ?? 0, 1 / (1 + Math.exp(second - first)), 1e-5, 1);
          await predictor.close();
        });
      },
    );

    it("of probabilities gives their log", async () => {
      const predictor = await open(smallSavedModel(), { outputName: "shares", output: "probabilities" }, [3]);
      const seen = await predictor.predict(inputs, 23);
      const wanted = tf.tidy(() =>
        tf.tensor2d(scoresOf(inputs), [23, 2]).logSoftmax().maximum(Math.log(1e-7)).dataSync(),
      );
      expectClose(seen, wanted, 1e-4, 1);
      await predictor.close();
    });

    it("is refused with its real signature", async () => {
      await expect(open(smallSavedModel(), { outputName: "scores" }, [28, 28, 1])).rejects.toThrow(
        'Cannot give samples of shape [28, 28, 1] to the model: it has inputs "image" float [any, 3]; outputs "scores"',
      );
      await expect(open(smallSavedModel(), {}, [3])).rejects.toThrow(
        "Cannot choose the SavedModel's output as it has 2: name one of [scores, shares]",
      );
      const features = { inner: "share" };
      await expect(open(smallSavedModel(), { outputName: "scores", features }, [3])).rejects.toThrow(
        'the feature "inner" as the model has no "share": did you mean "shares"?',
      );
    });

    it("whose graph TensorFlow does not know is refused with its words", async () => {
      const g = new SavedModel();
      g.placeholder("x", [-1, 3]);
      g.node("y", "Frobnicate", ["x"]);
      const ends = (tensor: string) => ({ [tensor]: { tensor: `${tensor}:0`, sizes: [-1, 3] } });
      await expect(open(g.bytes(ends("x"), ends("y")), {}, [3])).rejects.toThrow(
        /Cannot load the SavedModel: TensorFlow refuses it: .*Frobnicate/,
      );
    });
  },
);
