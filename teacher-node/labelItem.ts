import type { WorkItem, WorkQueue, WriteOnceLog } from "../shared/bus/bus.ts";
import { beginAttempt, failAttempt } from "../shared/cluster/attempts.ts";
import { postFault } from "../shared/cluster/faults.ts";
import { quarantine } from "../shared/cluster/quarantine.ts";
import { DataNotHere } from "../shared/data/openSource.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import { decode, MalformedMessage } from "../shared/protocol/codec.ts";
import { labelWorkSubject } from "../shared/protocol/subjects.ts";
import { LABEL_MAX_DELIVER, LabelChunks, MAX_CHUNK_MS } from "../shared/protocol/work.ts";
import { NumericsRefused } from "./admission.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";
import { UnknownShard, UnknownView } from "./findWork.ts";
import { handOn } from "./handOn.ts";
import { keepAlive } from "./keepAlive.ts";
import { labelChunks, lackingChunks } from "./labelChunks.ts";

/** Where the work comes from, and where the labels go. */
export interface LabelStreams {
  readonly queue: WorkQueue;
  readonly log: WriteOnceLog;
}

/**
 * Does one work item: predicts what the log lacks of its chunks, appends it part by part, and acknowledges after the log has
 * acknowledged them all. A killed node leaves the item unacknowledged, and another one adds what is missing. Of several
 * chunks that were handed out before one may be what a node died over: they are handed on one by one.
 * @param onComputed hears that all is predicted; what was predicted may still be on its way to the log
 */
export async function labelItem(
  context: NodeContext,
  teacher: ServedTeacher,
  { queue, log }: LabelStreams,
  item: WorkItem,
  onComputed: () => void = () => undefined,
): Promise<void> {
  const { bus, clock, counters, doing, node } = context;
  if (item.delivery > 1) counters.redeliveries++;
  let aliveAtMs = clock.now();
  const release = keepAlive(item, clock, () => clock.now() - aliveAtMs < MAX_CHUNK_MS);
  const task = `labelling with ${teacher.name}`;
  doing.add(task);
  try {
    const done = await beginAttempt(bus, clock, item, node);
    const work = readWork(item);
    const onWait = (): void => item.working();
    const leave = (chunks: readonly number[]): Promise<void> =>
      handOn(context, teacher, queue, work, chunks, onWait);
    if (item.delivery > 1 && work.count > 1) {
      await leave(await lackingChunks(context, teacher, log, work));
    } else {
      const left = await labelChunks(context, teacher, log, work, {
        // A node that died has left some, or another run that needs them has queued them when they were just done.
        mayBeThere: item.delivery > 1 || teacher.runs.length > 1,
        onChunk: () => {
          aliveAtMs = clock.now();
        },
        onComputed,
        onWait,
      });
      await leave(left);
    }
    await item.ack();
    await done();
  } catch (error) {
    await giveBack(context, teacher, item, error);
  } finally {
    release();
    doing.delete(task);
  }
}

/** @throws MalformedMessage also for work that its subject does not name: its labels would stand at another's place for ever */
function readWork({ data, subject }: WorkItem): LabelChunks {
  const work = decode(LabelChunks, data, `work item ${subject}`);
  const named = labelWorkSubject(work, work.count);
  if (named !== subject) {
    throw new MalformedMessage(
      `Cannot do work item ${subject} as it must be under the subject of what it asks for: that is ${named}`,
      { fields: { seen: subject, expected: named } },
    );
  }
  return work;
}

const notHere = [UnknownShard, UnknownView, DataNotHere, NumericsRefused];

/**
 * Back to the queue when another try can help. After the last one the chunk is in quarantine, and what no try can mend is
 * a fault of the teacher; either way it leaves the queue.
 */
async function giveBack(
  { bus, clock, node, log }: NodeContext,
  teacher: ServedTeacher,
  item: WorkItem,
  error: unknown,
): Promise<void> {
  const mayMend = error instanceof StillhouseError && error.retry;
  const retry = mayMend && item.delivery < LABEL_MAX_DELIVER;
  log.error(
    { teacher: teacher.name, subject: item.subject, delivery: item.delivery, retry },
    messageOf(error),
  );
  // Work is a hint: whoever still needs a chunk of data that nobody here knows, or may label, queues it again.
  const isHere = !notHere.some((kind) => error instanceof kind);
  if (isHere && mayMend) await failAttempt(bus, clock, item, node, error);
  if (retry) {
    item.nak(1_000 * item.delivery);
    return;
  }
  if (isHere && mayMend) await quarantine(bus, clock, item.subject, { node, run: null });
  else if (isHere) await postFault(bus, clock, `labelling.${teacher.labelling}`, node, messageOf(error));
  item.term();
}
