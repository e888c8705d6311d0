import type { WorkItem, WriteOnceLog } from "../shared/bus/bus.ts";
import type { BusFull } from "../shared/bus/errors.ts";
import { whenRoom } from "../shared/bus/whenRoom.ts";
import { beginAttempt, failAttempt } from "../shared/cluster/attempts.ts";
import { postFault } from "../shared/cluster/faults.ts";
import { publishNotice } from "../shared/cluster/notice.ts";
import { quarantine } from "../shared/cluster/quarantine.ts";
import { DataNotHere } from "../shared/data/openSource.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import { labelMessage } from "../shared/labels/labelMessage.ts";
import { chunkLayout } from "../shared/labels/layout.ts";
import { rowWidth } from "../shared/labels/rowLayout.ts";
import { decode, MalformedMessage } from "../shared/protocol/codec.ts";
import { labelsSubject, labelWorkSubject, parseLabelsSubject } from "../shared/protocol/subjects.ts";
import { LABEL_MAX_DELIVER, LabelChunk, MAX_CHUNK_MS } from "../shared/protocol/work.ts";
import { admit, NumericsRefused } from "./admission.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";
import { findWork, UnknownShard, UnknownView } from "./findWork.ts";
import { keepAlive } from "./keepAlive.ts";

/**
 * Does one work item: predicts what the log lacks of a chunk, appends it part by part, and acknowledges after the
 * log has acknowledged them all. A killed node leaves the item unacknowledged, and another one adds what is missing.
 */
export async function labelChunk(
  context: NodeContext,
  teacher: ServedTeacher,
  log: WriteOnceLog,
  item: WorkItem,
): Promise<void> {
  const { bus, clock, counters, doing, node } = context;
  if (item.delivery > 1) counters.redeliveries++;
  const startedAt = clock.now();
  const release = keepAlive(item, clock, () => clock.now() - startedAt < MAX_CHUNK_MS);
  const task = `labelling with ${teacher.name}`;
  doing.add(task);
  try {
    const done = await beginAttempt(bus, clock, item, node);
    await appendMissing(context, teacher, log, item);
    await item.ack();
    counters.chunksLabelled++;
    await done();
  } catch (error) {
    await giveBack(context, teacher, item, error);
  } finally {
    release();
    doing.delete(task);
  }
}

async function appendMissing(
  context: NodeContext,
  teacher: ServedTeacher,
  log: WriteOnceLog,
  item: WorkItem,
): Promise<void> {
  const work = readWork(item);
  const { dataset, shardIndex, shard, view } = await findWork(context, teacher, work);
  await admit(context, teacher, dataset);
  const { chunkSize } = teacher.runs[0].spec.labels;
  const { encoding, features } = teacher;
  const row = { encoding, classes: dataset.classes, features };
  const layout = chunkLayout({ shard, chunkSize, chunk: work.chunk, ...row });
  // A node that died may have left some, and a second run that needs the chunk may have queued it when it was just done.
  const subjects = layout.parts.map((_, part) => labelsSubject(work, part));
  const there = new Set((await log.existing(subjects)).map((s) => parseLabelsSubject(s).part));

  const predict = async (rows: Uint32Array): Promise<Float32Array> => {
    const values = await context.compute.predict(teacher.labelling, dataset.hash, shardIndex, rows, view);
    context.counters.samplesPredicted += rows.length;
    return values;
  };
  // Products are with all samples of the chunk, whatever part a row is in.
  const related = features.some(({ form }) => form === "gram") && there.size < layout.parts.length;
  const whole = related ? await predict(layout.rows) : undefined;
  const width = rowWidth(row);
  for (const [part, [from, to]] of layout.parts.entries()) {
    if (there.has(part)) continue;
    const rows = layout.rows.slice(from, to);
    const values = whole ? whole.subarray(from * width, to * width) : await predict(rows);
    const message = labelMessage({
      key: work,
      part,
      rows,
      values,
      layout: row,
      node: context.node,
      what: `chunk ${work.chunk} with teacher "${teacher.name}"`,
    });
    const onWait = (error: BusFull): void => {
      const text = `${context.node} waits for room: ${error.message}`;
      context.log.warn({ subject: message.subject }, text);
      for (const { run } of teacher.runs) publishNotice(context.bus, run, context.node, "warn", text);
      item.working();
    };
    const { subject, data } = message;
    await whenRoom(() => log.append(subject, data), context.clock, context.signal, onWait);
  }
}

/** @throws MalformedMessage also for work that its subject does not name: its labels would stand at another's place for ever */
function readWork({ data, subject }: WorkItem): LabelChunk {
  const work = decode(LabelChunk, data, `work item ${subject}`);
  const named = labelWorkSubject(work);
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
