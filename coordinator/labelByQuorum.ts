import { anySignal } from "../shared/bus/anySignal.ts";
import type { KeyValue } from "../shared/bus/bus.ts";
import { sleep } from "../shared/bus/clock.ts";
import { RevisionConflict } from "../shared/bus/errors.ts";
import type { Quorum } from "../shared/config/ensembleSpec.ts";
import type { Shard } from "../shared/data/dataset.ts";
import { dispatchOrder } from "../shared/data/order.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import { ChunkDecision } from "../shared/protocol/decisions.ts";
import { PLAIN_VIEW } from "../shared/protocol/identifiers.ts";
import { buckets, decisionKeys } from "../shared/protocol/subjects.ts";
import { type ChunkPlace, type Closed, Closing } from "./closing.ts";
import type { CoordinatorContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import type { MissingChunk } from "./missingLabels.ts";

/** Between two looks at what can be closed. */
const LOOK_MS = 250;
/** Between two words about chunks that were closed late. */
const SAY_MS = 5_000;

/**
 * Has the chunks labelled until each is closed by a decision: with all its teachers, or after its deadline with those
 * that have answered. Each teacher has a share of what may be in flight, so that one whose nodes are gone holds up no
 * other. What is queued and not needed any more is left there: whoever serves that teacher later labels it, for other
 * runs. Resolves when all are closed, or when `signal` aborts.
 * @throws LeaseLost
 */
export async function labelByQuorum(
  context: CoordinatorContext,
  missing: readonly MissingChunk[],
  quorum: Quorum,
  signal: AbortSignal,
): Promise<void> {
  const { bus, clock, dataset, store, notice, publish } = context;
  const { run, spec, teachers } = store.record;
  const decisions = await bus.kv(buckets.decisions);
  const chunks = dispatchOrder(dataset, spec.labels.chunkSize).map(
    ({ shard, chunk }): ChunkPlace => ({ shard: (dataset.shards[shard] as Shard).hash, chunk }),
  );
  const labellings = teachers.map(({ ready }) => ready?.labelling ?? "");
  const closing = new Closing(chunks, labellings, missing, quorum, clock.now());
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
  await Promise.all([
    closeAll(context, decisions, closing, labellings, until).then(() => done.abort()),
    ...asked.map((labelling) =>
      dispatch(
        {
          bus,
          clock,
          missing: missing.filter(({ key }) => key.labelling === labelling),
          maxInFlight: Math.max(1, Math.floor(spec.labels.maxInFlight / asked.length)),
          onProgress: (arrived, inFlight) => tell(labelling, arrived, inFlight),
          onNotice: notice,
          onLabelled: (chunk) => closing.answered(chunk, clock.now()),
          wanted: ({ key }) => closing.isOpen(key),
        },
        until,
      ),
    ),
  ]);
}

/** The decisions of a run so far. */
export async function readDecisions(decisions: KeyValue, run: string): Promise<ChunkDecision[]> {
  const found = await Promise.all(
    (await decisions.keys(decisionKeys.all(run))).map(async (key) => {
      const entry = await decisions.get(key);
      return entry && decode(ChunkDecision, entry.value, `decision ${key}`);
    }),
  );
  return found.filter((one) => one !== undefined);
}

/** Writes a decision for every chunk that can be closed, until none is open or `signal` aborts. */
async function closeAll(
  { clock, store, membership, notice }: CoordinatorContext,
  decisions: KeyValue,
  closing: Closing,
  labellings: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  let [unsaid, saidAtMs] = [[] as Closed[], Number.NEGATIVE_INFINITY];
  while (!signal.aborted) {
    const serving = membership.alive("teacher").flatMap((node) => node.serving);
    if (serving.some((labelling) => labellings.includes(labelling))) closing.served(clock.now());
    const due = closing.due(clock.now());
    const late = due.filter(({ by }) => by === "deadline");
    if (late.length > 0) {
      // A coordinator that was stopped and woke up finds every deadline passed, and perhaps another one at work: only
      // who still may write the run's record may say that somebody came too late.
      await store.change({});
      unsaid.push(...late);
    }
    await Promise.all(due.map((closed) => decide(decisions, store.record, closed, clock.now())));
    for (const closed of due) closing.close(closed);
    if (unsaid.length > 0 && (closing.open === 0 || clock.now() - saidAtMs >= SAY_MS)) {
      notice(lateText(unsaid, store.record));
      [unsaid, saidAtMs] = [[], clock.now()];
    }
    if (closing.open === 0) return;
    await sleep(clock, LOOK_MS, signal);
  }
}

/** Writes the decision, unless the chunk has one: the first stands. */
async function decide(
  decisions: KeyValue,
  { run, fence }: Pick<ChunkDecision, "run" | "fence">,
  { shard, chunk, present, by }: Closed,
  decidedAtMs: number,
): Promise<void> {
  const key = { shard, view: PLAIN_VIEW, chunk };
  const decision: ChunkDecision = { type: "chunk-decision", run, fence, ...key, present, by, decidedAtMs };
  try {
    await decisions.create(decisionKeys.of(run, key), encode(ChunkDecision, decision));
  } catch (error) {
    if (!(error instanceof RevisionConflict)) throw error;
  }
}

function lateText(
  late: readonly Closed[],
  { teachers, spec }: CoordinatorContext["store"]["record"],
): string {
  const { quorum } = spec.ensemble;
  const without = teachers.flatMap(({ name }, place) => {
    const count = late.filter(({ present }) => !present.includes(place)).length;
    return count === 0 ? [] : [`${count} without teacher "${name}"`];
  });
  const few = quorum === "all" ? 0 : late.filter(({ present }) => present.length < quorum.teachers).length;
  const seconds = quorum === "all" ? 0 : quorum.deadlineS;
  return (
    `closed ${late.length} chunks after their deadline of ${seconds} s: ${without.join(", ")}` +
    (few > 0 ? `; ${few} have no targets, as fewer than the quorum had labelled them` : "")
  );
}
