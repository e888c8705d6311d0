import { median } from "../../shared/evaluate/median.ts";
import type { Moved } from "./block.ts";

/** A line of the table, and an element of the JSON. */
export interface PipelineRow {
  readonly case: string;
  readonly classes: number;
  /** Teachers' answers for a sample, moved from the node to the student's store. */
  readonly samplesPerS: number;
  /** Of label messages, 10^6 bytes. */
  readonly mbPerS: number;
  /** Over what bare clients move of the same messages. */
  readonly ratioToRaw: number;
  /** Teacher nodes. */
  readonly nodes: number;
}

type Rates = Pick<Moved, "samples" | "bytes" | "seconds">;

/** Medians of blocks. @param raw of the bare clients */
export function rowOf(
  name: string,
  classes: number,
  own: readonly Rates[],
  raw: readonly Rates[],
  nodes: number,
): PipelineRow {
  const samplesPerS = median(own.map((one) => one.samples / one.seconds));
  return {
    case: name,
    classes,
    samplesPerS,
    mbPerS: median(own.map((one) => one.bytes / 1e6 / one.seconds)),
    ratioToRaw: samplesPerS / median(raw.map((one) => one.samples / one.seconds)),
    nodes,
  };
}
