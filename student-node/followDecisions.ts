import type { Bus } from "../shared/bus/bus.ts";
import { StillhouseError } from "../shared/errors.ts";
import { decode } from "../shared/protocol/codec.ts";
import { ChunkDecision } from "../shared/protocol/decisions.ts";
import { buckets, decisionKeys } from "../shared/protocol/subjects.ts";

/** A decision that does not fit its place or its run. */
export class WrongDecision extends StillhouseError {}

/**
 * The decisions of a run: those that there are, then those to come, until `signal` aborts.
 * @param teachers how many the run has
 * @throws WrongDecision, MalformedMessage
 */
export async function* followDecisions(
  bus: Bus,
  run: string,
  teachers: number,
  signal: AbortSignal,
): AsyncGenerator<ChunkDecision> {
  const decisions = await bus.kv(buckets.decisions);
  for await (const { key, value } of decisions.watch(decisionKeys.all(run), signal)) {
    if (!value) throw new WrongDecision(`Cannot go on with run ${run} as its decision ${key} was deleted`);
    const decision = decode(ChunkDecision, value, `decision ${key}`);
    const named = decisionKeys.of(decision.run, decision);
    const unknown = decision.present.find((place) => place >= teachers);
    if (named !== key || unknown !== undefined) {
      throw new WrongDecision(
        `Cannot use decision ${key}: it is for ${named} and names teachers [${decision.present.join(", ")}] of ${teachers}`,
        { fields: { key, named, present: decision.present, teachers } },
      );
    }
    yield decision;
  }
}
