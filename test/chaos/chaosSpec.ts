/** Of the training split, for each three faults: the students of an idle machine are fast. */
const ROWS = 12_000;

export type ChaosSpec = ReturnType<typeof chaosSpec>;

/**
 * A run that lasts long enough for so many faults on a machine of two cores: its labels come one small chunk at a time, its
 * students take some thousand steps, and a checkpoint every 100.
 */
export const chaosSpec = (faults: number) => ({
  name: "chaos",
  seeds: [1, 2],
  data: {
    format: "synthetic",
    train: ROWS * Math.max(1, Math.ceil(faults / 3)),
    test: 512,
    features: 16,
    classes: 4,
  },
  teachers: [
    {
      name: "wide",
      model: { arch: "mlp", hidden: [64], dropout: 0.2 },
      train: { epochs: 6, batch: 64 },
    },
    { name: "deep", model: { arch: "mlp", hidden: [32, 32] }, train: { epochs: 6, batch: 64 } },
  ],
  student: {
    model: { arch: "mlp", hidden: [128, 128], dropout: 0.1 },
    train: { epochs: 16, batch: 32, optimizer: { kind: "adam", lr: 0.001 } },
    checkpointSteps: 100,
  },
  baseline: true,
  labels: { chunkSize: 16, maxInFlight: 16 },
  nodes: { teachers: 2, studentWorkers: 2 },
  // Weights are compared across runs, between which the cores are divided otherwise.
  compute: { threads: { teacher: 1, student: 1 } },
});
