import type { ComputeSpec, RunSpec } from "./spec.ts";

/**
 * The spec with a number of threads for every role: its own where it says one. A run keeps that number for good, on
 * whatever machine it goes on, as the last bits of a large product can depend on how many threads share it.
 */
export function withThreads(spec: RunSpec, otherwise: Required<ComputeSpec["threads"]>): RunSpec {
  const { threads } = spec.compute;
  return {
    ...spec,
    compute: {
      ...spec.compute,
      threads: {
        teacher: threads.teacher ?? otherwise.teacher,
        student: threads.student ?? otherwise.student,
      },
    },
  };
}
