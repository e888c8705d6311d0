import { describe, expect, it } from "vitest";
import { assembleTaskReport, type TaskReportInput } from "../../shared/evaluate/assembleTaskReport.ts";
import { compareReports } from "../../shared/evaluate/comparison.ts";
import { ReportError } from "../../shared/evaluate/errors.ts";
import type { RegressionMetrics } from "../../shared/evaluate/taskReportSchema.ts";

const metrics = (rmse: number): RegressionMetrics => ({
  rmse,
  mae: rmse,
  r2: 0.5,
  perOutput: [{ rmse, mae: rmse, r2: 0.5, known: 4 }],
});
const of = (score: number) => ({ score, metrics: metrics(score) });

function seedResult(score: number, validation = score) {
  return {
    ...of(score),
    weightsHash: "ab".repeat(32),
    keptEpoch: 1,
    seconds: 1,
    waitSeconds: 0,
    steps: 10,
    curve: [{ epoch: 1, trainLoss: 1, validationLoss: 1, validationScore: validation }],
    lineage: [{ node: "s1", fromStep: 0 }],
  };
}

function teacher(name: string, score: number): TaskReportInput["teachers"][number] {
  return {
    name,
    ...of(score),
    parameters: 10,
    bytes: 40,
    identity: "cd".repeat(16),
    labelling: "ef".repeat(16),
    source: "trained",
    trainSeconds: 1,
    folds: null,
    outputWasProbabilities: false,
    quantised: null,
    quality: { transfer: score, validation: score },
    computers: [],
  };
}

/** Errors of the students with and without teachers, seed by seed. */
function input(ensemble: number, seeds: readonly (readonly [number, number])[]): TaskReportInput {
  const bytes = Float32Array.of(1, 2, 3, 5);
  return {
    task: "regression",
    score: { name: "RMSE", better: "lower", unit: "the data's unit" },
    name: "task",
    run: "task-1",
    createdAt: "2026-01-31T12:34:56.789Z",
    specHash: "01".repeat(16),
    spec: {},
    data: {
      name: "numbers",
      hash: "23".repeat(16),
      outputs: 1,
      scale: { mean: [0], deviation: [1] },
      samples: { train: 10, validation: 2, test: 4 },
    },
    bus: { kind: "nats" },
    machine: { platform: "linux", arch: "x64", cpus: 2, node: "v20" },
    backends: ["cpu"],
    teachers: [teacher("ada", 2), teacher("bea", 1.5), teacher("cem", 1.5)],
    ensemble: {
      rule: "arithmetic",
      answersBy: "arithmetic",
      weights: [1],
      temperatures: [1],
      ...of(ensemble),
    },
    student: { parameters: 5, bytes: 20, latencyMs: null },
    seeds: seeds.map(([student, alone], i) => ({
      seed: i + 1,
      student: seedResult(student),
      baseline: seedResult(alone),
      perSample: { student: bytes, baseline: bytes.map((value, j) => value + j) },
    })),
    testReads: 1,
    teacherPasses: { made: 1, saved: 0 },
    teacherNodes: [],
    secondsByPhase: {},
    totalSeconds: 1,
    bytesPerSampleOnTheWire: 4,
    labelLog: { bytes: 1, messages: 1 },
  };
}

describe("the report of a task whose score is better when lower", () => {
  const report = assembleTaskReport(
    input(1, [
      [1.2, 2.2],
      [1.3, 2.1],
      [1.1, 2.0],
    ]),
  );

  it("has means, deviations and the difference of the students, which helped", () => {
    expect(report.student.score).toBeCloseTo(1.2, 12);
    expect(report.student.deviation).toBeCloseTo(0.1, 12);
    expect(report.baseline?.score).toBeCloseTo(2.1, 12);
    expect(report.difference?.mean).toBeCloseTo(-0.9, 12);
    expect(report.verdict).toBe("helped");
  });

  it("has the share of the way from alone down to the ensemble", () => {
    // 2.1 to 1.2 of 2.1 to 1.0.
    expect(report.gapRecovered).toBeCloseTo(0.9 / 1.1, 12);
  });

  it("names the teacher with the least error, the first among equals", () => {
    expect(report.ensemble.bestTeacher).toBe("bea");
  });

  it("has the differences of each pair, sample by sample", () => {
    // 0, -1, -2 and -3 by design.
    expect(report.seeds[0]?.paired).toMatchObject({ samples: 4, mean: -1.5 });
  });

  it("warns where the ensemble is no better than its best teacher, or than the student alone", () => {
    expect(report.warnings).toEqual([]);
    const { warnings, gapRecovered } = assembleTaskReport(input(2.5, [[1.2, 2.2]]));
    expect(warnings.slice(0, 2)).toEqual([
      expect.stringMatching(
        /^The ensemble \(RMSE 2.500\) is not better than its best teacher bea \(RMSE 1.500\)/,
      ),
      expect.stringMatching(
        /^The ensemble \(RMSE 2.500\) is not better than the student alone \(RMSE 2.200\)/,
      ),
    ]);
    expect(gapRecovered).toBeNull();
  });

  it("is not made of what is no number", () => {
    expect(() => assembleTaskReport(input(Number.NaN, [[1, 2]]))).toThrow(ReportError);
  });
});

it("a comparison chooses the variant with the least error on validation", () => {
  const of = (scores: number[]) =>
    assembleTaskReport(
      input(
        1,
        scores.map((score) => [score, 3] as const),
      ),
    );
  const compared = compareReports([
    { name: "as written", report: of([2, 2.1]) },
    { name: "better", report: of([1, 1.2]) },
    { name: "worse", report: of([3, 3.1]) },
  ]);
  expect(compared.chosen).toBe(1);
  expect(compared.score).toMatchObject({ name: "RMSE", better: "lower" });
  expect(compared.variants[1]?.difference?.mean).toBeCloseTo(-0.95, 12);
  expect(compared.onTest?.mean).toBeCloseTo(-0.95, 12);
});
