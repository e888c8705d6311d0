import type { SimulatedRun } from "../cluster/simulatedRun.ts";

/** What one block labels, so that it takes some seconds on two cores. */
export interface PipelineCase extends Omit<SimulatedRun, "maxInFlight"> {
  readonly classes: 10 | 1000;
}

export const CHUNK_SIZE = 512;

/** Of `samples` samples, or as many as a block needs. */
export function pipelineCase(classes: PipelineCase["classes"], samples: number | undefined): PipelineCase {
  const usual = classes === 10 ? 4_000_000 : 131_072;
  return { classes, samples: samples ?? usual, teachers: 4, chunkSize: CHUNK_SIZE };
}
