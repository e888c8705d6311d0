import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { SelfTerms } from "../../shared/config/selfTermSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherInputs, gatherLabels } from "../../shared/data/gather.ts";
import { rng } from "../../shared/determinism/rng.ts";
import type { ConvolutionalArch } from "../../shared/distill/exits.ts";
import { buildModel } from "../../shared/model/build.ts";
import { packTrained } from "../../shared/model/packTrained.ts";
import { applyModel, tapped } from "../../shared/model/tapped.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { earlyExitsObjective } from "../../student-node/self/earlyExitsObjective.ts";
import { exitAccuracies, packExits } from "../../student-node/self/exitHeads.ts";
import { bytesIdx, folderOf } from "../data/idxFiles.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { smallImagesData } from "../helpers/smallImages.ts";
import { smallSpec } from "../helpers/smallRun.ts";
import { expectNoLeakAsync } from "../helpers/tensors.ts";
import { CLASSES, settings, small, smallDataset } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

describe.each(["cnn", "separable"] as const)("the early exits of a %s", (name) => {
  /** What the heads say, in TensorFlow.js. */
  function answersOf(dataset: Dataset, whole: tf.LayersModel, layers: readonly string[]): number[][] {
    return tf.tidy(() => {
      const ids = dataset.splits.train;
      const inputs = tf.tensor(gatherInputs(dataset, ids), [ids.length, ...dataset.inputShape]);
      const [, ...features] = applyModel(whole, inputs, false);
      const weights = new Map(readWeights(whole).map((one) => [one.name, tf.tensor(one.data, one.shape)]));
      return layers.map((layer, i) => {
        const of = (role: string): tf.Tensor =>
          weights.get(`learnt/early-exits-${layer}-${role}`) as tf.Tensor;
        const pooled = (features[i] as tf.Tensor).mean([1, 2]);
        const shown = tf.relu(pooled.matMul(of("projection")).add(of("shift")));
        return [...shown.matMul(of("classifier")).add(of("bias")).argMax(-1).dataSync()];
      });
    });
  }

  it.each(["cpu", "compiled"] as const)(
    "are right as often as TensorFlow.js finds, on %s",
    async (backend) => {
      await expectNoLeakAsync(async () => {
        const dataset = smallDataset(name);
        const arch = small[name].arch as ConvolutionalArch;
        const term = SelfTerms[2].parse({ kind: "early-exits" });
        const { taps = [], learnt = [] } = earlyExitsObjective(term, arch, dataset, ["exits"]);
        const model = buildModel(arch, dataset.inputShape, CLASSES, ["student"]);
        const beside = learnt.map((one) => ({ ...one, name: `early-exits-${one.name}` }));
        const opened = tapped(model, taps, beside);
        const layers = taps.slice(0, -1);
        const truth = gatherLabels(dataset, dataset.splits.train);
        const expected = answersOf(dataset, opened.model, layers).map((answers, i) => ({
          layer: layers[i],
          accuracy: answers.filter((one, row) => one === truth[row]).length / truth.length,
        }));
        const { artifact } = packTrained(model, arch, dataset);
        const exits = packExits(readWeights(opened.model)) as Uint8Array;
        opened.dispose();
        model.dispose();
        expect(expected.length).toBeGreaterThan(0);
        expect(
          await exitAccuracies(artifact, exits, dataset, dataset.splits.train, settings(backend)),
        ).toEqual(expected);
      });
    },
  );
});

it("a student without early exits has none", () => {
  const model = buildModel(small.mlp.arch, small.mlp.inputShape, CLASSES, ["plain"]);
  expect(packExits(readWeights(model))).toBeUndefined();
  model.dispose();
});

describe("a run whose student has early exits", () => {
  let folder: Awaited<ReturnType<typeof folderOf>>;
  /** Three classes of images of 8 x 8, each lighter than the one before: what the mean over an image tells apart. */
  const files = (split: string, rows: number): Record<string, Uint8Array> => {
    const stream = rng("shades", split);
    const labels = Array.from({ length: rows }, (_, row) => row % 3);
    const pixels = labels.flatMap((label) =>
      Array.from({ length: 64 }, () => 80 * label + Math.floor(stream.uniform() * 60)),
    );
    return {
      [`${split}-images`]: bytesIdx([rows, 8, 8], pixels),
      [`${split}-labels`]: bytesIdx([rows], labels),
    };
  };
  beforeAll(async () => {
    folder = await folderOf({ ...files("train", 150), ...files("test", 30) });
  });
  afterAll(() => folder.remove());

  it("reports the test accuracy of each, of the student and not of the student alone", async () => {
    await withCluster(folder.dir, async (cluster) => {
      cluster.student("s1");
      const report = await cluster.run(
        smallSpec({
          data: smallImagesData,
          teachers: [],
          baseline: true,
          distill: { loss: { kind: "byot" } },
          student: {
            model: { arch: "cnn", channels: [3, 4], dense: 6, dropout: 0 },
            train: { epochs: 12, batch: 32, optimizer: { kind: "adam", lr: 0.02 } },
          },
        }),
      );
      const { student, baseline } = report.seeds[0] as (typeof report.seeds)[number];
      expect(student.exits?.map(({ layer }) => layer)).toEqual(["pool_1", "pool_2"]);
      // Untrained heads, or those of other layers, would be right once in three times.
      for (const { accuracy } of student.exits ?? []) expect(accuracy).toBeGreaterThan(0.6);
      expect(baseline?.exits).toBeUndefined();
    });
  });
});
