import type { ServiceTime } from "../cluster/serviceTimes.ts";
import { labelOnce, type Moved, moveRaw } from "./block.ts";
import { type PipelineCase, pipelineCase } from "./cases.ts";
import { type LoadRow, runOfferedLoad } from "./offeredLoad.ts";
import { type PipelineRow, rowOf } from "./pipelineRow.ts";

export interface PipelineOptions {
  readonly classes: readonly PipelineCase["classes"][];
  /** Of the data; each teacher labels all. Absent: what takes some seconds. */
  readonly samples: number | undefined;
  readonly nodes: number;
  readonly processes: number;
  readonly inFlight: number;
  readonly blocks: number;
  readonly service: ServiceTime;
  /** Seconds that each offered load is held; absent: none is. */
  readonly load: number | undefined;
  /** Folder for profiles of the processes; absent: none. */
  readonly profile: string | undefined;
}

/** Publishes that the bare client has under way at once: more was not faster. */
const RAW_IN_FLIGHT = 64;

/** Measures the pipeline beside bare clients, in turns, and then at loads below and above what it moves. */
export async function runPipeline(
  options: PipelineOptions,
  say: (line: string) => void,
): Promise<(PipelineRow | LoadRow)[]> {
  const rows: (PipelineRow | LoadRow)[] = [];
  for (const classes of options.classes) {
    const of = pipelineCase(classes, options.samples);
    const { pipeline, raw } = await alternate(of, options, say);
    const own = rowOf("pipeline", classes, pipeline, raw, options.nodes);
    rows.push(own, rowOf("raw", classes, raw, raw, 0));
    if (options.load === undefined) continue;
    rows.push(...(await runOfferedLoad(of, options, own.samplesPerS, raw, options.load, say)));
  }
  return rows;
}

/** Blocks of both in turns: A B A B. */
async function alternate(
  of: PipelineCase,
  { nodes, processes, inFlight, blocks, service, profile }: PipelineOptions,
  say: (line: string) => void,
): Promise<{ pipeline: Moved[]; raw: Moved[] }> {
  const run = { ...of, maxInFlight: inFlight };
  const pipeline: Moved[] = [];
  const raw: Moved[] = [];
  for (let block = 0; block < blocks; block++) {
    const labelled = await labelOnce(run, { nodes, processes, service }, profile);
    pipeline.push(labelled);
    say(`${of.classes} classes, pipeline, block ${block + 1} of ${blocks}: ${inWords(labelled)}`);
    const moved = await moveRaw(run, labelled.samples, RAW_IN_FLIGHT);
    raw.push(moved);
    say(`${of.classes} classes, raw, block ${block + 1} of ${blocks}: ${inWords(moved)}`);
  }
  // Equal work, or the ratio says nothing.
  if (pipeline.some(({ messages }) => messages !== raw[0]?.messages)) {
    throw new Error("the pipeline and the bare clients moved different numbers of messages");
  }
  return { pipeline, raw };
}

function inWords({ samples, messages, bytes, seconds, cpuMs }: Moved): string {
  const total = Object.values(cpuMs).reduce((sum, ms) => sum + ms, 0);
  const perMessage = Object.entries(cpuMs).map(
    ([name, ms]) => `${name} ${((ms * 1000) / messages).toFixed(0)}`,
  );
  return `${(samples / seconds).toFixed(0)} samples/s, ${(messages / seconds).toFixed(0)} messages/s, ${(bytes / 1e6 / seconds).toFixed(0)} MB/s in ${seconds.toFixed(1)} s; processor time a message ${((total * 1000) / messages).toFixed(0)} us: ${perMessage.join(", ")}`;
}
