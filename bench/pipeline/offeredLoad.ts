import type { SimulatedRun } from "../cluster/simulatedRun.ts";
import { labelOnce, type Moved } from "./block.ts";
import { CHUNK_SIZE, type PipelineCase } from "./cases.ts";
import { type PipelineRow, rowOf } from "./pipelineRow.ts";
import type { PipelineOptions } from "./runPipeline.ts";

/** What teachers would label if nothing held them up, as shares of what the pipeline moves at most. */
export const SHARES = [0.1, 0.25, 0.5, 0.75, 1, 1.25] as const;

export interface LoadRow extends PipelineRow {
  readonly offeredSamplesPerS: number;
  /** What was labelled of what was offered. */
  readonly efficiency: number;
}

/** Mean service time of a chunk at which so many nodes together offer so many samples a second, in milliseconds. */
export function serviceMsOf(offeredSamplesPerS: number, nodes: number, chunkSize: number): number {
  return (1000 * nodes * chunkSize) / offeredSamplesPerS;
}

/**
 * Labels at loads below and above what the pipeline moves at most.
 * @param limit samples a second, measured
 * @param raw blocks of the bare clients
 */
export async function runOfferedLoad(
  of: PipelineCase,
  {
    nodes,
    service,
    processes,
    inFlight: maxInFlight,
  }: Pick<PipelineOptions, "nodes" | "service" | "processes" | "inFlight">,
  limit: number,
  raw: readonly Moved[],
  seconds: number,
  say: (line: string) => void,
): Promise<LoadRow[]> {
  const rows: LoadRow[] = [];
  for (const share of SHARES) {
    const offered = share * limit;
    const meanMs = serviceMsOf(offered, nodes, CHUNK_SIZE);
    // A block ends with the slowest of the last chunks, so it has many.
    const samples = Math.ceil((offered * seconds) / of.teachers / CHUNK_SIZE) * CHUNK_SIZE;
    const run: SimulatedRun = {
      ...of,
      samples: Math.max(samples, 2 * of.classes),
      maxInFlight,
    };
    const moved = await labelOnce(run, { nodes, processes, service: { ...service, meanMs } });
    const row = rowOf(`offered ${share}`, of.classes, [moved], raw, nodes);
    const efficiency = row.samplesPerS / offered;
    say(
      `${of.classes} classes, offered ${share} of the limit: ${meanMs.toFixed(1)} ms a chunk, efficiency ${efficiency.toFixed(3)}`,
    );
    rows.push({ ...row, offeredSamplesPerS: offered, efficiency });
  }
  return rows;
}
