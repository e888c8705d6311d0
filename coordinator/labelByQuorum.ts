import { anySignal } from "../shared/bus/anySignal.ts";
import type { Quorum } from "../shared/config/ensembleSpec.ts";
import type { Shard } from "../shared/data/dataset.ts";
import { labelOrder } from "../shared/data/labelOrder.ts";
import { labelledViewHashes } from "../shared/data/views/viewSchedule.ts";
import { buckets } from "../shared/protocol/subjects.ts";
import type { AbsentTeachers } from "./absentTeachers.ts";
import { readDecisions } from "./chunkDecisions.ts";
import { closeChunks } from "./closeChunks.ts";
import { Closing } from "./closing.ts";
import type { CoordinatorContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { dispatching } from "./dispatching.ts";
import type { LackingLabels } from "./lackingLabels.ts";
import type { MissingChunk } from "./missingLabels.ts";

/**
 * Has the chunks labelled until each is closed by a decision: with all its teachers, or without those that are late.
 * Each teacher has a share of what may be in flight, so that one whose nodes are gone holds up no other. Resolves when
 * all are closed and the log has what the decisions promise, or when `signal` aborts.
 * @param dataset of the context: as the students see it
 * @throws LeaseLost
 */
export async function labelByQuorum(
  context: CoordinatorContext,
  { chunks: missing, pending, since }: Pick<LackingLabels, "chunks" | "pending" | "since">,
  quorum: Quorum,
  absent: AbsentTeachers,
  signal: AbortSignal,
): Promise<void> {
  const { bus, clock, dataset, store, publish } = context;
  const { run, spec, teachers } = store.record;
  const views = labelledViewHashes(spec, dataset);
  const closing = new Closing({
    chunks: labelOrder(dataset, spec.labels.chunkSize, views.length).map(({ view, shard, chunk }) => ({
      shard: (dataset.shards[shard] as Shard).hash,
      view: views[view] as string,
      chunk,
    })),
    labellings: teachers.map(({ ready }) => ready?.labelling ?? ""),
    missing,
    quorum,
    isGivenUp: (key) => absent.has(key),
  });
  const decisions = await bus.kv(buckets.decisions);
  for (const decided of await readDecisions(decisions, run)) closing.close(decided);

  const done = new AbortController();
  const until = anySignal(signal, done.signal);
  const asked = [...new Set(missing.map(({ key }) => key.labelling))];
  const progress = new Map<string, { done: number; inFlight: number }>();
  const tell = (labelling: string, arrived: number, inFlight: number): void => {
    progress.set(labelling, { done: arrived, inFlight });
    const sum = [...progress.values()].reduce((a, b) => ({
      done: a.done + b.done,
      inFlight: a.inFlight + b.inFlight,
    }));
    publish({ type: "label-progress", run, total: missing.length, ...sum });
  };
  const choosy = {
    wants: ({ key }: MissingChunk) => closing.wants(key),
    onQueued: (chunk: MissingChunk) => closing.queued(chunk, clock.now()),
    onLabelled: (chunk: MissingChunk) => closing.answered(chunk, clock.now()),
  };
  await Promise.all([
    closeChunks(context, decisions, closing, quorum, until).then(() => done.abort()),
    ...asked.map((labelling) =>
      dispatch(
        {
          ...dispatching(context),
          // What nobody comes to the end of is left out, so nothing is stuck.
          onStuck: () => undefined,
          missing: missing.filter(({ key }) => key.labelling === labelling),
          pending,
          since,
          maxInFlight: Math.max(1, Math.floor(spec.labels.maxInFlight / asked.length)),
          onProgress: (arrived, inFlight) => tell(labelling, arrived, inFlight),
          choosy,
          // Each is waited for by itself, and taken out of the queue as soon as it is not.
          alone: true,
        },
        until,
      ),
    ),
  ]);
}
