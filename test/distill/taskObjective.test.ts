import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { labelObjective } from "../../shared/compute/labelObjective.ts";
import { DistillSpec } from "../../shared/config/distillSpec.ts";
import type { EnsembleSpec } from "../../shared/config/ensembleSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherAnswers, inUnits, standardised } from "../../shared/data/targets.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { multiLabelTermLosses, regressionTermLosses } from "../../shared/distill/losses/taskTerms.ts";
import { termsOf } from "../../shared/distill/termsOf.ts";
import { distillingObjective } from "../../student-node/distillingObjective.ts";
import { CLASSES, settings, smallDataset, smallTraining } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const STEPS_PER_EPOCH = 5;
const teachers = ["ada", "bea", "cem"];
const labels = {
  read(teacher: number, shard: number, place: number, out: Float32Array, row: number): void {
    const draws = rng("labels", teacher, shard, place);
    for (let c = 0; c < CLASSES; c++) out[row * CLASSES + c] = 2 * draws.normal() + 10;
  },
  has: () => true,
  readStored(): never {
    throw new Error("labels hold all classes");
  },
  readFeature(): never {
    throw new Error("there are no features");
  },
};

/** Samples of a task; every seventh number is not known. */
function dataOf(task: "multi-label" | "regression"): Dataset {
  const dataset = smallDataset("mlp");
  const stream = rng("targets", task);
  const values = dataset.shards.map(({ rows }) =>
    Float32Array.from({ length: rows * CLASSES }, (_, i) => {
      const value = task === "regression" ? 10 + 3 * stream.normal() : stream.uniform() < 0.4 ? 1 : 0;
      return i % 7 === 0 ? Number.NaN : value;
    }),
  );
  const scale =
    task === "regression"
      ? { mean: [10, 10, 10], deviation: [3, 2, 4] }
      : { mean: [0, 0, 0], deviation: [1, 1, 1] };
  return {
    ...dataset,
    labels: dataset.shards.map(({ rows }) => new Int32Array(rows)),
    targets: { task, values, scale },
  };
}

function objectiveOf(distill: object, dataset: Dataset, rule: EnsembleSpec["rule"]) {
  return distillingObjective(
    {
      distill: DistillSpec.parse(distill),
      ensemble: { rule, calibrate: false, quorum: "all" },
      teachers,
      runSeed: 0,
      job: { kind: "student", seed: 1 },
      features: { uses: [], layouts: [] },
      chunkSize: 32,
    },
    dataset,
    { at: () => labels },
    { temperatures: [1, 1, 1], weights: [1, 2, 1] },
    STEPS_PER_EPOCH,
  );
}

const multiLabel: Record<string, object> = {
  kd: { loss: { kind: "kd", temperature: 2 } },
  "reverse KL": { loss: { kind: "reverse-kl" } },
  "logit MSE": { loss: { kind: "logit-mse", centred: false } },
  "label smoothing": { loss: { kind: "label-smoothing" } },
  "terms that change": {
    terms: [
      { kind: "kl", warmupEpochs: 1, temperature: 4, cooling: { to: 1, epochs: 2 } },
      { kind: "reverse-kl", teacher: "bea", weight: 0.5 },
      { kind: "cross-entropy", decay: { to: 0, epochs: 2 } },
    ],
  },
};
const regression: Record<string, object> = {
  "values of the teachers": { loss: { kind: "value-mse", alpha: 0.5 } },
  "values, and Huber's loss": { loss: { kind: "value-mse", alpha: 0.5, delta: 0.7 } },
  "the bound of the teachers": { loss: { kind: "teacher-bounded", margin: 0.1 } },
  "terms that change": {
    terms: [
      { kind: "value-mse", teacher: "ada", warmupEpochs: 2 },
      { kind: "mse", decay: { to: 0, epochs: 2 } },
    ],
  },
};
const all = [
  ...Object.entries(multiLabel).flatMap(([name, distill]) =>
    (["arithmetic", "geometric"] as const).map(
      (rule) => [`${name}, ${rule}`, "multi-label", distill, rule] as const,
    ),
  ),
  ...Object.entries(regression).flatMap(([name, distill]) =>
    (["arithmetic", "median"] as const).map(
      (rule) => [`${name}, ${rule}`, "regression", distill, rule] as const,
    ),
  ),
];

it("every term of both tasks is in one of these trainings", () => {
  const kinds = (of: Record<string, object>): Set<string> =>
    new Set(
      Object.values(of).flatMap((distill) => termsOf(DistillSpec.parse(distill)).map(({ kind }) => kind)),
    );
  expect(kinds(multiLabel)).toEqual(new Set(Object.keys(multiLabelTermLosses)));
  expect(kinds(regression)).toEqual(new Set(Object.keys(regressionTermLosses)));
});

/** Trains both ways for 12 steps, and compares their losses. @returns those of TensorFlow.js */
async function expectSameLosses(
  dataset: Dataset,
  objective: ReturnType<typeof labelObjective>,
): Promise<number[]> {
  const overrides = { dataset, objective, stepsPerEpoch: STEPS_PER_EPOCH };
  const [eager, compiled] = [
    await smallTraining("mlp", settings("cpu"), overrides),
    await smallTraining("mlp", settings("compiled"), overrides),
  ];
  const losses: number[] = [];
  try {
    for (let step = 0; step < 12; step++) {
      const [expected, seen] = [await eager.run(step), await compiled.run(step)];
      const bound = 1e-4 * Math.max(1, Math.abs(expected));
      expect(Math.abs(seen - expected), `step ${step}: ${seen}, expected ${expected}`).toBeLessThanOrEqual(
        bound,
      );
      losses.push(expected);
    }
  } finally {
    await eager.close();
    await compiled.close();
  }
  return losses;
}

describe.each(all)("training by %s", (_, task, distill, rule) => {
  it(`compiled has the losses of TensorFlow.js (${task})`, async () => {
    const dataset = dataOf(task);
    const losses = await expectSameLosses(dataset, objectiveOf(distill, dataset, rule));
    expect(losses.every(Number.isFinite)).toBe(true);
  });
});

describe.each(["multi-label", "regression"] as const)("training on the true answers of %s", (task) => {
  it("compiled has the losses of TensorFlow.js", async () => {
    const dataset = dataOf(task);
    await expectSameLosses(dataset, labelObjective(dataset));
    if (task === "regression") await expectSameLosses(dataset, labelObjective(dataset, 0.5));
  });
});

describe("targets as a step takes them", () => {
  const dataset = dataOf("regression");
  const targets = dataset.targets as NonNullable<Dataset["targets"]>;

  it("are standardised output by output; what is not known is 0 and told apart", () => {
    const ids = dataset.splits.train.slice(0, 4);
    const { truth, known } = gatherAnswers(targets, CLASSES, ids);
    const values = targets.values[0] as Float32Array;
    ids.forEach((id, row) => {
      for (let c = 0; c < CLASSES; c++) {
        const value = values[id * CLASSES + c] as number;
        const i = row * CLASSES + c;
        expect(known[i]).toBe(Number.isNaN(value) ? 0 : 1);
        const expected = Number.isNaN(value) ? 0 : (value - 10) / ([3, 2, 4][c] as number);
        expect(truth[i]).toBeCloseTo(expected, 5);
      }
    });
  });

  it("come back from what a model learns", () => {
    const numbers = Float32Array.of(1, 20, -3, 10.5, 0, 7);
    const there = standardised(targets, numbers.slice());
    expect(there[0]).toBeCloseTo(-3, 6);
    inUnits(targets, there).forEach((value, i) => {
      expect(value).toBeCloseTo(numbers[i] as number, 4);
    });
  });
});
