import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { targetTensors } from "../../shared/compute/targetTensors.ts";
import { DistillSpec } from "../../shared/config/distillSpec.ts";
import type { EnsembleSpec } from "../../shared/config/ensembleSpec.ts";
import { inversePermutation } from "../../shared/data/chunks.ts";
import type { Dataset, Shard } from "../../shared/data/dataset.ts";
import { rng } from "../../shared/determinism/rng.ts";
import type { KnownClasses } from "../../shared/distill/ensembles/known.ts";
import { type EnsembleRuleName, ensembleRules } from "../../shared/distill/ensembles/registry.ts";
import { termLosses } from "../../shared/distill/losses/registry.ts";
import { distillingObjective } from "../../student-node/distillingObjective.ts";
import { CLASSES, settings, smallDataset, smallTraining } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

/** With a quorum the first teacher lacks every fourth sample, the second every third, and one sample in twelve has none. */
const saidBy = (teacher: number, place: number): boolean => place % (teacher === 0 ? 4 : 3) !== 0;

/** Labels of two teachers, by the place of a row in its shard's permutation. */
const labels = {
  has: (teacher: number, _shard: number, place: number) => saidBy(teacher, place),
  read(teacher: number, shard: number, place: number, out: Float32Array, row: number): void {
    const draws = rng("labels", teacher, shard, place);
    for (let c = 0; c < CLASSES; c++) out[row * CLASSES + c] = 2 * draws.normal();
  },
  readStored(): never {
    throw new Error("labels hold all classes");
  },
  readFeature(): never {
    throw new Error("no term looks inside");
  },
};
const teachers = ["ada", "bea"];
const scales = { temperatures: [1, 1.25], weights: [1, 2] };
const STEPS_PER_EPOCH = 5;

function objectiveOf(
  distill: object,
  dataset: Dataset,
  rule: EnsembleRuleName = "arithmetic",
  quorum: EnsembleSpec["quorum"] = "all",
  known?: readonly KnownClasses[],
) {
  const ensemble = { rule, calibrate: false, quorum } as const;
  return distillingObjective(
    {
      distill: DistillSpec.parse(distill),
      ensemble,
      teachers,
      known,
      features: { uses: [], layouts: [] },
      chunkSize: 512,
      runSeed: 0,
      job: { kind: "student", seed: 1 },
    },
    dataset,
    { at: () => labels },
    scales,
    STEPS_PER_EPOCH,
  );
}

/** Every third sample without its label. */
function partlyLabelled(): Dataset {
  const dataset = smallDataset("mlp");
  return {
    ...dataset,
    labels: dataset.labels.map((ofShard) => ofShard.map((label, i) => (i % 3 === 0 ? -1 : label))),
  };
}

const named: Record<string, object> = {
  kd: { kind: "kd" },
  "reverse KL": { kind: "reverse-kl", temperature: 2 },
  "generalised JSD": { kind: "jsd", beta: 0.3 },
  "logit MSE": { kind: "logit-mse" },
  DKD: { kind: "dkd", warmupEpochs: 2 },
  DIST: { kind: "dist", temperature: 4, beta: 2, gamma: 2 },
  "standardised logits": { kind: "standardised" },
  "the teachers' labels": { kind: "teacher-labels" },
  "label smoothing": { kind: "label-smoothing" },
  "TF-KD as its authors have it": { kind: "tf-kd" },
  "TF-KD by the meaning of a temperature": { kind: "tf-kd", softening: "principled" },
};
const listed: Record<string, object[]> = {
  "terms of each teacher beside one of both": [
    { kind: "kl", teacher: "ada", weight: 0.5, temperature: 3 },
    { kind: "jsd", teacher: "bea", weight: 0.25 },
    { kind: "logit-mse", weight: 0.1, centred: true },
    { kind: "cross-entropy", weight: 0.2, smoothing: 0.05 },
  ],
  "labels that weigh by the teachers' confidence": [
    { kind: "confidence-weighted" },
    { kind: "confidence-weighted", teacher: "ada", weight: 0.5 },
  ],
  "weights and temperatures that change": [
    {
      kind: "kl",
      warmupEpochs: 1,
      decay: { to: 0.1, epochs: 2 },
      temperature: 4,
      cooling: { to: 1, epochs: 3 },
    },
    { kind: "dkd", decay: { to: 0, epochs: 3 }, cooling: { to: 2, epochs: 2 } },
    { kind: "cross-entropy", warmupEpochs: 3 },
  ],
};
const all = [
  ...Object.entries(named).map(([name, loss]) => [name, { loss }] as const),
  ...Object.entries(listed).map(([name, terms]) => [name, { terms }] as const),
];

it("every term that a spec can name is in one of these trainings", () => {
  const kinds = new Set(JSON.stringify(all).match(/(?<="kind":")[^"]+/g));
  // What the losses by name stand for: cross-entropy, kl, the standardised KL and the virtual teacher.
  const meant = { kd: "kl", standardised: "standardised-kl", "tf-kd": "virtual-teacher" };
  for (const kind of Object.keys(termLosses)) {
    const by = Object.entries(meant).find(([, term]) => term === kind)?.[0] ?? kind;
    expect(kinds, kind).toContain(by);
  }
});

/** Trains both ways for 12 steps, and compares their losses. */
async function expectSameLosses(make: (dataset: Dataset) => ReturnType<typeof objectiveOf>): Promise<void> {
  const dataset = partlyLabelled();
  const overrides = { dataset, objective: make(dataset), stepsPerEpoch: STEPS_PER_EPOCH };
  const [eager, compiled] = [
    await smallTraining("mlp", settings("cpu"), overrides),
    await smallTraining("mlp", settings("compiled"), overrides),
  ];
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

describe.each(all)("training by %s", (_, distill) => {
  it("compiled has the losses of TensorFlow.js", () =>
    expectSameLosses((data) => objectiveOf(distill, data)));
});

describe.each(Object.keys(ensembleRules) as EnsembleRuleName[])(
  "training by the ensemble rule %s",
  (rule) => {
    it("compiled has the losses of TensorFlow.js", () =>
      expectSameLosses((data) => objectiveOf({ loss: { kind: "kd" } }, data, rule)));
  },
);

describe("training by teachers that know a part of the classes", () => {
  const known = [
    [0, 1],
    [1, 2],
  ];
  const some = { teachers: 1, deadlineS: 1 };
  const kd = { loss: { kind: "kd" } };
  const cooled = {
    terms: [
      { kind: "kl", cooling: { to: 1, epochs: 2 } },
      { kind: "kl", teacher: "bea" },
    ],
  };

  it.each([
    ["own-classes", kd, "all"],
    ["own-classes", cooled, "all"],
    ["own-classes", kd, some],
    ["bridge", kd, "all"],
    ["bridge", { loss: { kind: "dkd" } }, "all"],
  ] as const)(
    "by %s with %j and quorum %j compiled has the losses of TensorFlow.js",
    (rule, distill, quorum) => expectSameLosses((data) => objectiveOf(distill, data, rule, quorum, known)),
  );
});

describe("with a quorum, training", () => {
  const one = { teachers: 1, deadlineS: 1 };

  it.each(all)("by %s compiled has the losses of TensorFlow.js", (_, distill) =>
    expectSameLosses((data) => objectiveOf(distill, data, "arithmetic", one)),
  );

  it.each(Object.keys(ensembleRules) as EnsembleRuleName[])(
    "by the ensemble rule %s compiled has the losses of TensorFlow.js",
    (rule) => expectSameLosses((data) => objectiveOf({ loss: { kind: "kd" } }, data, rule, one)),
  );

  it("is told who said something of a sample, and nobody did where fewer than the quorum did", () => {
    const dataset = partlyLabelled();
    const ids = dataset.splits.train;
    const at = (teachers: number): number[] => {
      const objective = objectiveOf({ loss: { kind: "kd" } }, dataset, "arithmetic", { ...one, teachers });
      return [...(objective.gather(ids, 0).present as Float32Array)];
    };
    const { hash, rows } = dataset.shards[0] as Shard;
    const said = [...ids].map((id) => {
      const place = inversePermutation(hash, rows)[id] as number;
      return [place % 4 === 0 ? 0 : 1, place % 3 === 0 ? 0 : 1];
    });
    expect(at(1)).toEqual(said.flat());
    expect(at(2)).toEqual(said.flatMap(([a, b]) => (a === 1 && b === 1 ? [1, 1] : [0, 0])));
  });

  it("draws among those who said something of a sample, and as ever where all did", () => {
    const dataset = partlyLabelled();
    const ids = dataset.splits.train.slice(0, 24);
    const among = objectiveOf({ loss: { kind: "kd" } }, dataset, "random", one);
    const ever = objectiveOf({ loss: { kind: "kd" } }, dataset, "random");
    for (let step = 0; step < 20; step++) {
      const { drawn, present } = among.gather(ids, step) as Record<string, Float32Array>;
      const whole = ever.gather(ids, step).drawn as Float32Array;
      ids.forEach((_, row) => {
        const [a, b] = [...(present as Float32Array).subarray(2 * row, 2 * row + 2)] as [number, number];
        const expected = a + b === 2 ? [...whole.subarray(2 * row, 2 * row + 2)] : [a, b];
        expect([...(drawn as Float32Array).subarray(2 * row, 2 * row + 2)]).toEqual(expected);
      });
    }
  });

  it("that listens to no teacher is as without", () => {
    const { targets } = objectiveOf(
      { loss: { kind: "label-smoothing" } },
      partlyLabelled(),
      "arithmetic",
      one,
    );
    expect(Object.keys(targets)).toEqual(["labels"]);
  });
});

describe("the rule that draws a teacher for each batch", () => {
  it("draws by weight, one for all samples of a batch, and the same at the same step", () => {
    const dataset = partlyLabelled();
    const objective = objectiveOf({ loss: { kind: "kd" } }, dataset, "random");
    const ids = dataset.splits.train.slice(0, 4);
    const drawnAt = (step: number): number => {
      const drawn = objective.gather(ids, step).drawn as Float32Array;
      expect([...drawn.subarray(0, 2)].sort()).toEqual([0, 1]);
      for (let row = 1; row < 4; row++) {
        expect([...drawn.subarray(2 * row, 2 * row + 2)]).toEqual([...drawn.subarray(0, 2)]);
      }
      return drawn[1] as number;
    };
    const draws = Array.from({ length: 900 }, (_, step) => drawnAt(step));
    expect(draws).toEqual(Array.from({ length: 900 }, (_, step) => drawnAt(step)));
    // Weights 1 and 2: 600 of 900 for the second, with a standard deviation of sqrt(900 * 2/9) = 14.
    const second = draws.reduce((sum, one) => sum + one, 0);
    expect(Math.abs(second - 600)).toBeLessThan(5 * 14);
  });
});

const nothingInside = { features: {}, learnt: {}, emit: () => undefined };

describe("a temperature that changes", () => {
  it("gives what the same temperature gives that stays", () => {
    const dataset = partlyLabelled();
    const student = tf.randomNormal<tf.Rank.R2>([6, CLASSES], 0, 2, "float32", 7);
    const ids = dataset.splits.train.slice(0, 6);
    const lossAt = (term: object, step: number): number => {
      const objective = objectiveOf({ terms: [term] }, dataset);
      let value = Number.NaN;
      tf.tidy(() => {
        value = objective
          .loss(student, targetTensors(objective, ids, step), nothingInside)
          .dataSync()[0] as number;
      });
      return value;
    };
    for (const kind of ["kl", "reverse-kl", "jsd", "dkd", "dist"]) {
      // From 6 to 2 over 4 epochs of 5 steps: 4 at step 10.
      const changing = lossAt({ kind, temperature: 6, cooling: { to: 2, epochs: 4 } }, 10);
      const staying = lossAt({ kind, temperature: 4 }, 0);
      expect(Math.abs(changing - staying), kind).toBeLessThan(1e-5 * Math.max(1, Math.abs(staying)));
    }
    student.dispose();
  });
});
