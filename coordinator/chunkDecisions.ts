import type { KeyValue } from "../shared/bus/bus.ts";
import { RevisionConflict } from "../shared/bus/errors.ts";
import { inBatches } from "../shared/bus/inBatches.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import { ChunkDecision } from "../shared/protocol/decisions.ts";
import { decisionKeys } from "../shared/protocol/subjects.ts";
import type { Closed } from "./closing.ts";

/** The decisions of a run so far. */
export async function readDecisions(decisions: KeyValue, run: string): Promise<ChunkDecision[]> {
  const keys = await decisions.keys(decisionKeys.all(run));
  const found = await inBatches(keys, (key) => readDecision(decisions, key));
  return found.filter((one) => one !== undefined);
}

async function readDecision(decisions: KeyValue, key: string): Promise<ChunkDecision | undefined> {
  const entry = await decisions.get(key);
  return entry && decode(ChunkDecision, entry.value, `decision ${key}`);
}

/** Writes the decision, unless the chunk has one: the first stands, and is returned. */
export async function decide(
  decisions: KeyValue,
  { run, fence }: Pick<ChunkDecision, "run" | "fence">,
  { shard, view, chunk, present, by }: Closed,
  decidedAtMs: number,
): Promise<ChunkDecision> {
  const place = { shard, view, chunk };
  const key = decisionKeys.of(run, place);
  const decision: ChunkDecision = { type: "chunk-decision", run, fence, ...place, present, by, decidedAtMs };
  try {
    await decisions.create(key, encode(ChunkDecision, decision));
    return decision;
  } catch (error) {
    const standing = error instanceof RevisionConflict ? await readDecision(decisions, key) : undefined;
    if (!standing) throw error;
    return standing;
  }
}
