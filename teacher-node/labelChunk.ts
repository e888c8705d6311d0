import type { WorkItem, WriteOnceLog } from "../shared/bus/bus.ts";
import { sleep } from "../shared/bus/clock.ts";
import { BusFull } from "../shared/bus/errors.ts";
import { postFault } from "../shared/cluster/faults.ts";
import { DataNotHere } from "../shared/data/openSource.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import { encodeLogits } from "../shared/labels/encoding.ts";
import { chunkLayout } from "../shared/labels/layout.ts";
import { rowsDigest } from "../shared/labels/rowsDigest.ts";
import { decode, encode, MalformedMessage } from "../shared/protocol/codec.ts";
import { PLAIN_VIEW } from "../shared/protocol/identifiers.ts";
import { Labels } from "../shared/protocol/labels.ts";
import {
  chunkLabelsFilter,
  labelsSubject,
  labelWorkSubject,
  parseLabelsSubject,
} from "../shared/protocol/subjects.ts";
import { LabelChunk } from "../shared/protocol/work.ts";
import { admit, NumericsRefused } from "./admission.ts";
import { MAX_CHUNK_MS, MAX_DELIVER, type NodeContext, type ServedTeacher } from "./context.ts";
import { findShard, UnknownShard } from "./findShard.ts";
import { keepAlive } from "./keepAlive.ts";

const FULL_WAIT_MS = 2_000;

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
  const { clock, counters, doing } = context;
  if (item.delivery > 1) counters.redeliveries++;
  const startedAt = clock.now();
  const release = keepAlive(item, clock, () => clock.now() - startedAt < MAX_CHUNK_MS);
  const task = `labelling with ${teacher.name}`;
  doing.add(task);
  try {
    await appendMissing(context, teacher, log, item);
    await item.ack();
    counters.chunksLabelled++;
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
  const { dataset, shardIndex, shard } = await findShard(context, teacher, work);
  await admit(context, teacher, dataset);
  const { encoding, chunkSize } = teacher.runs[0].spec.labels;
  const layout = chunkLayout({ shard, chunkSize, chunk: work.chunk, classes: dataset.classes, encoding });
  const there =
    item.delivery > 1
      ? new Set((await log.subjects(chunkLabelsFilter(work))).map((s) => parseLabelsSubject(s).part))
      : new Set<number>();

  for (const [part, [from, to]] of layout.parts.entries()) {
    if (there.has(part)) continue;
    const rows = layout.rows.slice(from, to);
    const logits = await context.compute.predict(teacher.labelling, dataset.hash, shardIndex, rows);
    context.counters.samplesPredicted += rows.length;
    const labels: Labels = {
      type: "labels",
      labelling: work.labelling,
      shard: work.shard,
      view: work.view,
      chunk: work.chunk,
      part,
      shape: [rows.length, dataset.classes],
      encoding,
      rowsDigest: rowsDigest(rows),
      node: context.node,
      payload: encodeLogits(
        encoding,
        logits,
        dataset.classes,
        `chunk ${work.chunk} with teacher "${teacher.name}"`,
      ),
    };
    await appendWhenRoom(context, log, item, labelsSubject(work, part), encode(Labels, labels));
  }
}

/** A full log is no fault: the chunk is held, and appended when there is room. */
async function appendWhenRoom(
  { clock, signal, log: logger }: NodeContext,
  log: WriteOnceLog,
  item: WorkItem,
  subject: string,
  data: Uint8Array,
): Promise<void> {
  for (;;) {
    try {
      await log.append(subject, data);
      return;
    } catch (error) {
      if (!(error instanceof BusFull) || signal.aborted) throw error;
      logger.warn({ subject }, `waits for room: ${error.message}`);
      item.working();
      await sleep(clock, FULL_WAIT_MS, signal);
    }
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
  if (work.view !== PLAIN_VIEW) {
    throw new MalformedMessage(
      `Cannot do work item ${subject} as its view must be ${PLAIN_VIEW}, the sample itself: it is ${work.view}`,
      { fields: { seen: work.view, expected: PLAIN_VIEW } },
    );
  }
  return work;
}

const notHere = [UnknownShard, DataNotHere, NumericsRefused];

/** Back to the queue when another try can help; otherwise, and after the last try, a fault and out of the queue. */
async function giveBack(
  { bus, clock, node, log }: NodeContext,
  teacher: ServedTeacher,
  item: WorkItem,
  error: unknown,
): Promise<void> {
  const retry = error instanceof StillhouseError && error.retry && item.delivery < MAX_DELIVER;
  log.error(
    { teacher: teacher.name, subject: item.subject, delivery: item.delivery, retry },
    messageOf(error),
  );
  if (retry) {
    item.nak(1_000 * item.delivery);
    return;
  }
  // Work is a hint: whoever still needs a chunk of data that nobody here knows, or may label, queues it again.
  if (!notHere.some((kind) => error instanceof kind)) {
    await postFault(bus, clock, `labelling.${teacher.labelling}`, node, messageOf(error));
  }
  item.term();
}
