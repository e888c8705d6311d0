import { studentSteps } from "../compute/studentSteps.ts";
import { encodingsOf } from "../config/encodingOf.ts";
import type { RunSpec } from "../config/spec.ts";
import { studentsOf } from "../config/students.ts";
import type { Dataset, Shard } from "../data/dataset.ts";
import { labelOrder } from "../data/labelOrder.ts";
import { type ChunkRef, trainChunks } from "../data/order.ts";
import { slides, windowOf } from "../data/views/slidingWindow.ts";
import { labelledView, labelledViews } from "../data/views/viewSchedule.ts";
import type { FeatureLayout } from "../protocol/features.ts";
import { rowBytes } from "./rowLayout.ts";

/** What becomes of a run's labels in a student node, without the envelopes of their messages. */
export interface LabelStorePlan {
  /** All labels that it would keep at once: of fresh views those that students may need still. */
  readonly bytes: number;
  /** Of these, the most that the node's disk holds. */
  readonly fileBytes: number;
  /** About what each training reads again from the log in each of its epochs, if labels arrive in the order of labelling. */
  readonly readAgainBytes: readonly number[];
  /** The most that each training holds in memory of these at once; 0: all labels fit on the disk. */
  readonly heldBytes: number;
}

/**
 * @param dataset that students see
 * @param features of each teacher, what its labels hold beside logits
 */
export function planLabelStore(
  spec: RunSpec,
  dataset: Dataset,
  features: readonly (readonly FeatureLayout[])[],
): LabelStorePlan {
  const { views } = spec;
  const { chunkSize } = spec.labels;
  const { shuffleChunks, labelStoreBytes } = spec.student;
  const trained = studentsOf(spec).map(({ student }) => student.train);
  const { classes, shards, splits } = dataset;
  const sampleBytes = encodingsOf(spec)
    .map(({ stored }, k) => rowBytes({ encoding: stored, classes, features: features[k] ?? [] }))
    .reduce((sum, bytes) => sum + bytes, 0);
  const training = new Set(trainChunks(dataset, chunkSize).map(nameOf));
  // A view's labels are let go when all students are past it and the first of a later view have come.
  const kept = slides(spec) ? windowOf(spec, studentSteps(spec, dataset)) + 2 : Number.POSITIVE_INFINITY;
  let bytes = 0;
  const beyond = new Map<number, number>();
  for (const chunk of labelOrder(dataset, chunkSize, Math.min(kept + 1, labelledViews(spec)))) {
    const { rows } = shards[chunk.shard] as Shard;
    const own = sampleBytes * Math.min(chunkSize, rows - chunk.chunk * chunkSize);
    bytes += own;
    if (bytes <= labelStoreBytes || !training.has(nameOf(chunk))) continue;
    beyond.set(chunk.view, (beyond.get(chunk.view) ?? 0) + own);
  }
  // Fresh views take turns on the disk: what is beyond it is shared by all.
  const fresh = [...beyond].filter(([view]) => view > 0).reduce((sum, [, one]) => sum + one, 0);
  const again = (view: number): number =>
    slides(spec) && view > 0
      ? Math.round(fresh / Math.min(kept, labelledViews(spec) - 1))
      : (beyond.get(view) ?? 0);
  const fileBytes = Math.min(bytes, labelStoreBytes);
  const window = shuffleChunks * chunkSize;
  // Of a length bucket up to a batch of samples waits until there are enough of them.
  const waiting = Math.max(...trained.map((train) => train.batch * (train.lengthBuckets?.length ?? 1)));
  const held = Math.min(splits.train.length, Math.max(2 * window, window + waiting));
  return {
    bytes,
    fileBytes,
    readAgainBytes: Array.from({ length: Math.max(...trained.map(({ epochs }) => epochs)) }, (_, epoch) =>
      again(labelledView(views, epoch)),
    ),
    heldBytes: Math.min(held * sampleBytes, bytes - fileBytes),
  };
}

function nameOf({ shard, chunk }: ChunkRef): string {
  return `${shard}/${chunk}`;
}
