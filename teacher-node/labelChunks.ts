import type { WriteOnceLog } from "../shared/bus/bus.ts";
import { type LabelMessage, labelMessage } from "../shared/labels/labelMessage.ts";
import { chunkLayout } from "../shared/labels/layout.ts";
import { rowWidth } from "../shared/labels/rowLayout.ts";
import { type ChunkKey, labelsSubject } from "../shared/protocol/subjects.ts";
import type { LabelChunks } from "../shared/protocol/work.ts";
import { admit } from "./admission.ts";
import { Appends } from "./appends.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";
import { type FoundWork, findWork } from "./findWork.ts";
import { writeWhenRoom } from "./writeWhenRoom.ts";

/** A node that was at several chunks for so long leaves those that it has not begun to others. */
const KEEP_MS = 2_000;

interface Hooks {
  /** Whether the log may have some already; absent that, nobody looks. */
  readonly mayBeThere: boolean;
  /** The computation has come to the end of a chunk. */
  onChunk(): void;
  /** All chunks that are not left to others are predicted. */
  onComputed(): void;
  /** The log has no room, which is waited for. */
  onWait(): void;
}

/**
 * Appends what the log lacks of the labels of some chunks.
 * @returns numbers of those that a slow node leaves to others
 */
export async function labelChunks(
  context: NodeContext,
  teacher: ServedTeacher,
  log: WriteOnceLog,
  work: LabelChunks,
  { mayBeThere, onChunk, onComputed, onWait }: Hooks,
): Promise<number[]> {
  const { clock, counters } = context;
  const startedAtMs = clock.now();
  const found = await findWork(context, teacher, work);
  await admit(context, teacher, found.dataset);
  const chunks = planChunks(teacher, found, work);
  const asked = chunks.flatMap(({ subjects }) => subjects);
  const there = new Set(mayBeThere ? await log.existing(asked) : []);
  const appends = new Appends();
  const append = ({ subject, data }: LabelMessage): Promise<unknown> =>
    writeWhenRoom(context, teacher, subject, () => log.append(subject, data), onWait);
  let labelled = 0;
  try {
    for (const chunk of chunks) {
      if (labelled > 0 && clock.now() - startedAtMs >= KEEP_MS) break;
      for await (const message of missingParts(context, teacher, found, chunk, there)) {
        await appends.add(message.data.byteLength, () => append(message));
      }
      labelled++;
      onChunk();
    }
    onComputed();
    await appends.all();
  } finally {
    // Nothing may be appended any more once the item is given back.
    await appends.settled();
  }
  counters.chunksLabelled += labelled;
  return chunks.slice(labelled).map(({ key }) => key.chunk);
}

/** Numbers of the chunks of which the log lacks something. */
export async function lackingChunks(
  context: NodeContext,
  teacher: ServedTeacher,
  log: WriteOnceLog,
  work: LabelChunks,
): Promise<number[]> {
  const chunks = planChunks(teacher, await findWork(context, teacher, work), work);
  const there = new Set(await log.existing(chunks.flatMap(({ subjects }) => subjects)));
  return chunks
    .filter(({ subjects }) => !subjects.every((one) => there.has(one)))
    .map(({ key }) => key.chunk);
}

interface PlannedChunk {
  readonly key: ChunkKey;
  readonly layout: ReturnType<typeof chunkLayout>;
  /** Of its parts. */
  readonly subjects: readonly string[];
}

function planChunks(
  { encoding, features, runs: [run] }: ServedTeacher,
  { shard, dataset }: FoundWork,
  { labelling, shard: hash, view, chunk: first, count }: LabelChunks,
): PlannedChunk[] {
  const { chunkSize } = run.spec.labels;
  return Array.from({ length: count }, (_, i) => {
    const chunk = first + i;
    const layout = chunkLayout({ shard, chunkSize, chunk, encoding, classes: dataset.classes, features });
    const key = { labelling, shard: hash, view, chunk };
    return { key, layout, subjects: layout.parts.map((_, part) => labelsSubject(key, part)) };
  });
}

/** Messages of those parts of a chunk that are not there, each when it is asked for. */
async function* missingParts(
  context: NodeContext,
  { name, labelling, encoding, features }: ServedTeacher,
  { dataset, shardIndex, view }: FoundWork,
  { key, layout, subjects }: PlannedChunk,
  there: ReadonlySet<string>,
): AsyncGenerator<LabelMessage> {
  const { compute, counters, node } = context;
  const predict = async (rows: Uint32Array): Promise<Float32Array> => {
    const values = await compute.predict(labelling, dataset.hash, shardIndex, rows, view);
    counters.samplesPredicted += rows.length;
    return values;
  };
  const row = { encoding, classes: dataset.classes, features };
  // Products are with all samples of the chunk, whatever part a row is in.
  const related = features.some(({ form }) => form === "gram") && !subjects.every((one) => there.has(one));
  const whole = related ? await predict(layout.rows) : undefined;
  const width = rowWidth(row);
  for (const [part, [from, to]] of layout.parts.entries()) {
    if (there.has(subjects[part] as string)) continue;
    const rows = layout.rows.slice(from, to);
    const values = whole ? whole.subarray(from * width, to * width) : await predict(rows);
    const what = `chunk ${key.chunk} with teacher "${name}"`;
    yield labelMessage({ key, part, rows, values, layout: row, node, what });
  }
}
