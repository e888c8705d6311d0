import type { KeyValue } from "../shared/bus/bus.ts";
import { sleep } from "../shared/bus/clock.ts";
import { inBatches } from "../shared/bus/inBatches.ts";
import type { Quorum } from "../shared/config/ensembleSpec.ts";
import type { ChunkDecision } from "../shared/protocol/decisions.ts";
import type { RunTeacher } from "../shared/protocol/run.ts";
import { streams } from "../shared/protocol/subjects.ts";
import { decide } from "./chunkDecisions.ts";
import type { Closed, Closing } from "./closing.ts";
import type { CoordinatorContext } from "./context.ts";

/** Between two looks at what can be closed. */
const LOOK_MS = 250;
/** Between two words about chunks that were closed late. */
const SAY_MS = 5_000;
/** Two looks that lie further apart than this are no two looks: what happened between them was not seen. */
const DEAF_MS = 5_000;

/** Writes a decision for every chunk that can be closed, until all is settled or `signal` aborts. */
export async function closeChunks(
  context: CoordinatorContext,
  decisions: KeyValue,
  closing: Closing,
  quorum: Quorum,
  signal: AbortSignal,
): Promise<void> {
  const { clock, store, membership, notice } = context;
  let [unsaid, saidAtMs] = [[] as ChunkDecision[], Number.NEGATIVE_INFINITY];
  let lookedAtMs = clock.now();
  while (!signal.aborted && !closing.settled) {
    const now = clock.now();
    // Suspended, or cut off from the bus: nobody could be heard.
    if (now - lookedAtMs > DEAF_MS) closing.restart(now);
    lookedAtMs = now;
    closing.served(new Set(membership.alive("teacher").flatMap((node) => node.serving)), now);
    const due = await certain(context, closing, now);
    const standing = await inBatches(due, (one) => decide(decisions, store.record, one, clock.now()));
    for (const decision of standing) closing.close(decision);
    unsaid.push(...standing.filter(({ by }) => by === "deadline"));
    if (unsaid.length > 0 && (closing.closed || clock.now() - saidAtMs >= SAY_MS)) {
      notice(lateText(unsaid, store.record.teachers, quorum));
      [unsaid, saidAtMs] = [[], clock.now()];
    }
    if (!closing.settled) await sleep(clock, LOOK_MS, signal);
  }
}

/**
 * What can be closed, held against the log where somebody is late by what this process has heard: labels may be there
 * that it has not been told of yet.
 */
async function certain(
  { bus, clock, store }: CoordinatorContext,
  closing: Closing,
  nowMs: number,
): Promise<Closed[]> {
  const due = closing.due(nowMs);
  const late = due.flatMap((closed) => closed.late);
  if (late.length === 0) return due;
  // A coordinator that was stopped and woke up finds every deadline passed, and perhaps another one at work: only
  // who still may write the run's record may say that somebody came too late.
  await store.change({});
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  await inBatches(late, async (chunk) => {
    const parts = [...chunk.parts.keys()];
    if ((await log.existing(parts)).length === parts.length) closing.answered(chunk, nowMs);
  });
  // Who could not be asked for so long could not be heard either; the next look starts all time anew.
  return clock.now() - nowMs > DEAF_MS ? [] : closing.due(nowMs);
}

function lateText(
  late: readonly ChunkDecision[],
  teachers: readonly RunTeacher[],
  { teachers: needed, deadlineS }: Quorum,
): string {
  const without = teachers.flatMap(({ name }, place) => {
    const count = late.filter(({ present }) => !present.includes(place)).length;
    return count === 0 ? [] : [`${count} without teacher "${name}"`];
  });
  const few = late.filter(({ present }) => present.length < needed).length;
  return (
    `closed ${late.length} chunks without teachers that answered nothing for ${deadlineS} s or failed: ${without.join(", ")}` +
    (few > 0 ? `; ${few} have no targets, as fewer than the quorum had labelled them` : "")
  );
}
