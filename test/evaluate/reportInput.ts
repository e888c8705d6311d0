import type { ReportInput } from "../../shared/evaluate/assembleReport.ts";
import type { SeedResult } from "../../shared/evaluate/reportSchema.ts";

const EPOCHS = 12;

/** A result whose curve rises towards the accuracy; the classes scatter around it. */
export function seedResult(accuracy: number, about: Partial<SeedResult> = {}): SeedResult {
  return {
    accuracy,
    nll: 0.062,
    ece: 0.0071,
    brier: 0.0281,
    agreementWithEnsemble: 0.9893,
    agreementWhereEnsembleRight: 0.9931,
    agreementWhereEnsembleWrong: 0.6214,
    klToEnsemble: 0.0218,
    perClassAccuracy: Array.from({ length: 10 }, (_, c) => accuracy + 0.004 * Math.sin(c + 2000 * accuracy)),
    weightsHash: "3f9ab12c77de4410a5b6c3d2e1f00987",
    keptEpoch: EPOCHS,
    seconds: 41.3,
    waitSeconds: 0.4,
    lineage: [{ node: "student-a", fromStep: 0 }],
    steps: 5064,
    curve: Array.from({ length: EPOCHS }, (_, i) => ({
      epoch: i + 1,
      trainLoss: 0.9 / (i + 1),
      validationLoss: 0.3 / (i + 1) + 0.05,
      validationAccuracy: accuracy - 0.06 * Math.exp(-0.55 * i) + 0.0004 * Math.sin(7 * i + 900 * accuracy),
    })),
    ...about,
  };
}

type TaughtInput = ReportInput & { readonly ensemble: NonNullable<ReportInput["ensemble"]> };

/** A run on MNIST with three teachers and three seeds in which distillation helps. */
export function reportInput(about: Partial<TaughtInput> = {}): TaughtInput {
  const teacher = {
    testSamples: 10_000,
    parameters: 2_395_210,
    bytes: 9_580_840,
    identity: "b3d1c0a9f8e7d6c5b4a3928170615243",
    labelling: "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    outputWasProbabilities: false,
    folds: null,
    quantised: null,
    storage: {
      encoding: "half",
      bytesPerSample: 20,
      samples: 64,
      read: [
        { temperature: 1, declared: true, kl: 1.2e-7, reverseKl: 1.2e-7 },
        { temperature: 4, declared: true, kl: 2.1e-8, reverseKl: 2.1e-8 },
      ],
    },
    quality: {
      transfer: {
        samples: 54_000,
        known: 54_000,
        trueClassProbability: 0.991,
        accuracy: 0.996,
        entropy: 0.031,
      },
      validation: {
        samples: 6_000,
        known: 6_000,
        trueClassProbability: 0.972,
        accuracy: 0.984,
        entropy: 0.062,
      },
    },
    computers: [
      { backend: "wasm", version: "4.22.0", threads: 1, machine: "linux x64, one processor", difference: 0 },
    ],
  };
  return {
    name: "mnist-three-teachers",
    run: "mnist-three-teachers-7c1d",
    createdAt: "2026-03-04T10:20:30.000Z",
    specHash: "5e884898da28047151d0e56f8dc62927",
    spec: {
      name: "mnist-three-teachers",
      seeds: [1, 2, 3],
      distill: { loss: { kind: "kd", temperature: 4 } },
    },
    data: {
      name: "mnist",
      hash: "6b86b273ff34fce19d6b804eff5a3f57",
      classes: 10,
      samples: { train: 54_000, validation: 6_000, test: 10_000 },
    },
    bus: { kind: "nats" },
    machine: { platform: "linux", arch: "x64", cpus: 8, node: "v20.20.2" },
    backends: ["wasm"],
    teachers: [
      {
        ...teacher,
        name: "wide-a",
        accuracy: 0.9861,
        nll: 0.0489,
        ece: 0.0042,
        source: "trained",
        trainSeconds: 171,
      },
      {
        ...teacher,
        name: "wide-b",
        accuracy: 0.9853,
        nll: 0.0502,
        ece: 0.0047,
        source: "reused",
        trainSeconds: null,
      },
      {
        ...teacher,
        name: "wide-c",
        accuracy: 0.9858,
        nll: 0.0497,
        ece: 0.0044,
        source: "loaded",
        trainSeconds: null,
      },
    ],
    ensemble: {
      rule: "arithmetic",
      answersBy: "arithmetic",
      weights: [1 / 3, 1 / 3, 1 / 3],
      temperatures: [1, 1, 1],
      disagreement: {
        mean: 0.021,
        perClass: Array.from({ length: 10 }, (_, c) => 0.012 + 0.002 * c),
        overTime: Array.from({ length: 20 }, (_, i) => ({ samples: 1024, mean: 0.02 + 0.001 * Math.sin(i) })),
      },
      quorum: null,
      testSamples: 10_000,
      accuracy: 0.9881,
      nll: 0.0405,
      ece: 0.0031,
    },
    student: {
      parameters: 39_760,
      bytes: 159_040,
      latencyMs: {
        backend: "wasm",
        batch1: { p50: 0.214, p99: 0.387 },
        perSampleAtBatch: { batch: 128, ms: 0.0123 },
      },
    },
    seeds: [
      {
        seed: 1,
        student: seedResult(0.9812),
        baseline: seedResult(0.9768, {
          nll: 0.0931,
          ece: 0.0112,
          brier: 0.036,
          agreementWithEnsemble: 0.9801,
        }),
        discordant: { n10: 96, n01: 52 },
      },
      {
        seed: 2,
        student: seedResult(0.982),
        baseline: seedResult(0.9781, {
          nll: 0.0911,
          ece: 0.0109,
          brier: 0.035,
          agreementWithEnsemble: 0.9812,
        }),
        discordant: { n10: 90, n01: 51 },
      },
      {
        seed: 3,
        student: seedResult(0.9809),
        baseline: seedResult(0.9766, {
          nll: 0.0944,
          ece: 0.0118,
          brier: 0.0364,
          agreementWithEnsemble: 0.9797,
        }),
        discordant: { n10: 95, n01: 52 },
      },
    ],
    testReads: 1,
    teacherPasses: { made: 140_000, saved: 70_000 },
    teacherNodes: [
      { node: "teacher-1", samplesPredicted: 82_432, chunks: 161 },
      { node: "teacher-2", samplesPredicted: 57_568, chunks: 113 },
    ],
    secondsByPhase: {
      "read data": 1.9,
      "train teachers": 171.2,
      label: 24.6,
      "train students": 252.4,
      evaluate: 3.1,
    },
    totalSeconds: 441.7,
    bytesPerSampleOnTheWire: 20.7,
    labelLog: { bytes: 4_347_000, messages: 411 },
    ...about,
  };
}
