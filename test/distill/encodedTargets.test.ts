import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { targetTensors } from "../../shared/compute/targetTensors.ts";
import { DistillSpec } from "../../shared/config/distillSpec.ts";
import type { TeacherEncoding } from "../../shared/config/encodingOf.ts";
import type { EnsembleSpec } from "../../shared/config/ensembleSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { entropyShares } from "../../shared/distill/ensembles/entropy.ts";
import { mixture } from "../../shared/distill/ensembles/mixture.ts";
import { forwardKl } from "../../shared/distill/losses/forwardKl.ts";
import { decodeRow, decodeStored, encodeLogits } from "../../shared/labels/encoding.ts";
import { distillingObjective } from "../../student-node/distillingObjective.ts";
import { teacherLogits } from "../../student-node/teacherLogits.ts";
import { expectClose, valuesOf } from "../helpers/tensors.ts";
import { CLASSES, settings, smallDataset, smallTraining } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const top = (
  tail: TeacherEncoding["tail"],
  temperatures: number[],
  undeclared: "refuse" | "uniform" = "refuse",
) => ({ stored: { kind: "top-k", k: 1, temperatures }, tail, undeclared }) satisfies TeacherEncoding;
const drawn = {
  stored: { kind: "sampled", draws: 9, temperature: 1 },
  tail: "uniform",
  undeclared: "refuse",
} satisfies TeacherEncoding;
const plain = { stored: "float32", tail: "uniform", undeclared: "refuse" } satisfies TeacherEncoding;

/** Labels of teachers by their encodings, as a store gives them: logits that differ by teacher and place. */
function storeOf(encodings: readonly TeacherEncoding[]) {
  const encoded = (teacher: number, shard: number, place: number): Uint8Array => {
    const stream = rng("said", teacher, shard, place);
    const logits = Float32Array.from({ length: CLASSES }, () => 2 * stream.normal());
    const { stored } = encodings[teacher] as TeacherEncoding;
    return encodeLogits(stored, logits, CLASSES, "it", () => rng("draws", teacher, place));
  };
  return {
    has: (teacher: number, _shard: number, place: number) => place % (teacher + 3) !== 0,
    read(t: number, shard: number, place: number, out: Float32Array, row: number, temperature = 1): void {
      const { stored, ...reading } = encodings[t] as TeacherEncoding;
      decodeRow(stored, encoded(t, shard, place), 0, CLASSES, out, row, { ...reading, temperature });
    },
    readStored(t: number, shard: number, place: number, out: Float32Array, row: number): void {
      decodeStored((encodings[t] as TeacherEncoding).stored, encoded(t, shard, place), 0, CLASSES, out, row);
    },
    readFeature(): never {
      throw new Error("no term looks inside");
    },
  };
}

const STEPS_PER_EPOCH = 5;

function objectiveOf(
  dataset: Dataset,
  encodings: readonly TeacherEncoding[],
  terms: readonly object[],
  ensemble: Partial<EnsembleSpec> = {},
  temperatures: readonly number[] = encodings.map(() => 1),
) {
  return distillingObjective(
    {
      distill: DistillSpec.parse({ terms }),
      ensemble: { rule: "arithmetic", calibrate: false, quorum: "all", ...ensemble },
      teachers: ["ada", "bea"].slice(0, encodings.length),
      encodings,
      features: { uses: [], layouts: [] },
      chunkSize: 512,
      runSeed: 0,
      job: { kind: "student", seed: 1 },
    },
    dataset,
    { at: () => storeOf(encodings) },
    { temperatures, weights: encodings.map((_, k) => k + 1) },
    STEPS_PER_EPOCH,
  );
}

const nothingInside = { features: {}, learnt: {}, emit: () => undefined };
const dataset = smallDataset("mlp");
const ids = dataset.splits.train.slice(0, 8);
const logits = Array.from({ length: 8 }, (_, i) => [Math.sin(i), Math.cos(3 * i), 0.3 * i]);

function lossOf(objective: ReturnType<typeof objectiveOf>, step = 0): number {
  return valuesOf(() =>
    objective.loss(tf.tensor2d(logits), targetTensors(objective, ids, step), nothingInside),
  )[0] as number;
}

/** What a teacher said at a temperature, and the KL of the student from it. */
function klAt(encodings: readonly TeacherEncoding[], teacher: number, T: number): number {
  const said = teacherLogits(storeOf(encodings), dataset, teacher, ids, T);
  return valuesOf(() => {
    const target = tf.logSoftmax(tf.tensor2d(said, [8, CLASSES]).div<tf.Tensor2D>(T));
    return forwardKl(tf.tensor2d(logits), target, T);
  })[0] as number;
}

describe("targets of labels that hold a part of the classes", () => {
  const encodings = [top("uniform", [1, 2, 4]), plain];

  it("are one for each temperature at which a term that listens to the teacher reads", () => {
    const objective = objectiveOf(dataset, encodings, [
      { kind: "kl", temperature: 4 },
      { kind: "kl", temperature: 2, teacher: "ada" },
      { kind: "kl", temperature: 3, teacher: "bea" },
      { kind: "teacher-labels" },
      { kind: "cross-entropy" },
    ]);
    expect(Object.keys(objective.targets)).toEqual([
      "labels",
      "teacher-0@1",
      "teacher-0@2",
      "teacher-0@4",
      "teacher-1",
    ]);
  });

  it("are read at each term's temperature, and at that of the step where it changes", () => {
    const two = objectiveOf(dataset, encodings, [
      { kind: "kl", temperature: 4, teacher: "ada" },
      { kind: "kl", temperature: 2, teacher: "ada", weight: 0.5 },
    ]);
    expectClose(lossOf(two), klAt(encodings, 0, 4) + 0.5 * klAt(encodings, 0, 2), 1e-5);
    const approximated = [top("uniform", [1, 4], "uniform"), plain];
    // From 4 to 1 over 3 epochs of 5 steps: 3 at step 5.
    const cooling = { kind: "kl", temperature: 4, cooling: { to: 1, epochs: 3 }, teacher: "ada" };
    expectClose(lossOf(objectiveOf(dataset, approximated, [cooling]), 5), klAt(approximated, 0, 3), 1e-5);
  });

  it("are read at the product of the teacher's own temperature and the term's", () => {
    const read = [top("uniform", [1, 5]), plain];
    const objective = objectiveOf(
      dataset,
      read,
      [{ kind: "kl", temperature: 4, teacher: "ada" }],
      { calibrate: true },
      [1.25, 1],
    );
    // KL at T = 4 of logits divided by 1.25: what was said at 5, times 16 in place of 25, of a student divided by 4.
    const said = teacherLogits(storeOf(read), dataset, 0, ids, 5);
    const expected = valuesOf(() => {
      const target = tf.logSoftmax(tf.tensor2d(said, [8, CLASSES]).div<tf.Tensor2D>(5));
      return forwardKl(tf.tensor2d(logits), target, 4);
    });
    expectClose([lossOf(objective)], expected, 1e-5);
  });

  it("weigh teachers by what they say at T = 1, whatever the term's temperature", () => {
    const both = [top("uniform", [1, 4]), top("uniform", [1, 4])];
    const objective = objectiveOf(dataset, both, [{ kind: "kl", temperature: 4 }], { rule: "entropy" });
    const expected = valuesOf(() => {
      const at = (T: number): tf.Tensor2D[] =>
        [0, 1].map((k) => tf.tensor2d(teacherLogits(storeOf(both), dataset, k, ids, T), [8, CLASSES]));
      const target = mixture(at(4), entropyShares(at(1)), (of) => of.div<tf.Tensor2D>(4));
      return forwardKl(tf.tensor2d(logits), target, 4);
    });
    expectClose([lossOf(objective)], expected, 1e-5);
  });

  it("have a mask beside them where the others are a ghost, and its loss is less than the class-wise one", () => {
    const terms = [{ kind: "kl", temperature: 2 }];
    const ghost = objectiveOf(dataset, [top("ghost", [1, 2])], terms);
    expect(Object.keys(ghost.targets)).toEqual(["labels", "teacher-0@2", "teacher-0-stored"]);
    expect(lossOf(ghost)).toBeLessThan(lossOf(objectiveOf(dataset, [top("uniform", [1, 2])], terms)));
  });
});

/** Trains both ways for 12 steps, and compares their losses. */
async function expectSameLosses(objective: ReturnType<typeof objectiveOf>): Promise<void> {
  const overrides = { dataset, objective, stepsPerEpoch: STEPS_PER_EPOCH };
  const eager = await smallTraining("mlp", settings("cpu"), overrides);
  const compiled = await smallTraining("mlp", settings("compiled"), overrides);
  try {
    for (let step = 0; step < 12; step++) {
      const [expected, seen] = [await eager.run(step), await compiled.run(step)];
      const bound = 1e-4 * Math.max(1, Math.abs(expected));
      expect(Math.abs(seen - expected), `step ${step}: ${seen}, expected ${expected}`).toBeLessThanOrEqual(
        bound,
      );
    }
  } finally {
    await eager.close();
    await compiled.close();
  }
}

describe("training by such targets, compiled, has the losses of TensorFlow.js", () => {
  const kl = { kind: "kl", temperature: 4 };
  const cooled = { ...kl, cooling: { to: 1, epochs: 2 } };
  const some = { teachers: 1, deadlineS: 1 } as const;

  it.each<[string, TeacherEncoding[], object[], Partial<EnsembleSpec>]>([
    ["a ghost", [top("ghost", [1, 4])], [kl, { kind: "cross-entropy" }], {}],
    ["a ghost that cools", [top("ghost", [1, 4], "uniform")], [cooled], {}],
    ["a ghost and a quorum", [top("ghost", [1, 4])], [kl], { quorum: some }],
    ["two temperatures", [top("uniform", [1, 2, 4]), drawn], [kl, { kind: "jsd", temperature: 2 }], {}],
    ["a temperature that changes", [top("uniform", [1, 4], "uniform"), plain], [cooled], {}],
    ["no tail", [top("renormalised", [1, 4]), drawn], [kl], {}],
    ["teachers weighed by entropy", [top("uniform", [1, 4]), drawn], [kl], { rule: "entropy" }],
    ["teachers weighed by the true class", [top("uniform", [1, 4]), plain], [kl], { rule: "ca-mkd" }],
    ["the shortest gradient", [top("uniform", [1, 4]), drawn], [kl], { rule: "ae-kd" }],
    ["votes", [top("uniform", [1, 4]), drawn], [kl], { rule: "vote" }],
    ["a quorum", [top("uniform", [1, 4]), drawn], [kl], { quorum: some }],
  ])("with %s", (_, encodings, terms, ensemble) =>
    expectSameLosses(objectiveOf(dataset, encodings, terms, ensemble)),
  );
});
