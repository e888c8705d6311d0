import type { WorkItem, WriteOnceLog } from "../shared/bus/bus.ts";
import { postFault } from "../shared/bus/faults.ts";
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
import { MAX_CHUNK_MS, MAX_DELIVER, type NodeContext } from "./context.ts";
import { keepAlive } from "./keepAlive.ts";
import type { ServedTeacher } from "./serve.ts";

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
  const { dataset, shardIndex, shard } = await teacher.find(work);
  const { encoding, chunkSize } = teacher;
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
    await log.append(labelsSubject(work, part), encode(Labels, labels));
  }
}

/** @throws MalformedMessage also for work that its subject does not name: its labels would stand at another's place for ever */
function readWork({ data, subject }: WorkItem): LabelChunk {
  const work = decode(LabelChunk, data, `work item ${subject}`);
  const named = labelWorkSubject({ ...work, view: PLAIN_VIEW });
  if (named === subject) return work;
  throw new MalformedMessage(
    `Cannot do work item ${subject} as it must be under the subject of what it asks for: that is ${named}`,
    { fields: { seen: subject, expected: named } },
  );
}

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
  // Work is a hint: whoever still needs a chunk of data that nobody here knows queues it again.
  if (!(error instanceof UnknownShard)) {
    await postFault(bus, clock, `labelling.${teacher.labelling}`, node, messageOf(error));
  }
  item.term();
}
