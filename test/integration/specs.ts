import { openWorkspace } from "../helpers/cli.ts";

/** A training of a second or less. */
const quick = { epochs: 2, batch: 64 };

/**
 * A run of a few seconds whose labelling is long enough to be interrupted: many small chunks, one round trip each,
 * and so few in flight that what is in flight is in some node's hands. Its parts can be replaced whole.
 */
export function smallSpec(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: "small",
    seeds: [1],
    data: { format: "synthetic", train: 4096, test: 512, features: 16, classes: 4 },
    teachers: [
      { name: "wide", model: { arch: "mlp", hidden: [64] }, train: quick },
      { name: "deep", model: { arch: "mlp", hidden: [32, 32] }, train: quick },
    ],
    student: {
      model: { arch: "mlp", hidden: [16], dropout: 0.1 },
      train: { epochs: 4, batch: 32 },
      checkpointSteps: 20,
    },
    baseline: false,
    labels: { chunkSize: 16, maxInFlight: SMALL_IN_FLIGHT },
    nodes: { teachers: 1, studentWorkers: 1 },
    // Weights are compared across runs with other numbers of nodes, between which a machine's cores are divided.
    compute: { threads: { teacher: 1, student: 1 } },
    ...changes,
  };
}

export const SMALL_IN_FLIGHT = 8;
/** Samples that each teacher labels in it: train with validation, and test. */
export const SMALL_SAMPLES = 4096 + 512;
/** Its chunks, over both teachers, one message each: 4096 / 16 and 512 / 16. */
export const SMALL_MESSAGES = 2 * (256 + 32);

/** Weights of the first student of `smallSpec()`, in a run that nothing disturbs. */
export async function calmHash(): Promise<string> {
  const place = await openWorkspace();
  try {
    const report = await place.report([await place.spec("calm", smallSpec()), "--bus", "memory"], "out");
    return report.student.weightsHash;
  } finally {
    await place.dispose();
  }
}
