import { type Batch, planBatches } from "../shared/compute/planBatches.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { labelOrder } from "../shared/data/labelOrder.ts";
import { type ChunkRef, chunksNeeded, epochOrder, trainChunks } from "../shared/data/order.ts";
import { labelledView, labelledViews } from "../shared/data/views/viewSchedule.ts";
import type { StudentTraining, TrainingHooks } from "./compute.ts";

/** What everything random of a student's training derives from; of its baseline too. */
export function studentSeed({ runSeed, job }: Pick<StudentTraining, "runSeed" | "job">): (string | number)[] {
  return ["student", runSeed, job.seed];
}

/** The steps of each epoch of a student, counted from 0. */
export function studentBatches(
  training: Pick<StudentTraining, "runSeed" | "job" | "student" | "chunkSize">,
  dataset: Dataset,
): (epoch: number) => Batch[] {
  const { chunkSize } = training;
  const { shuffleChunks, shuffle, train } = training.student;
  const seed = studentSeed(training);
  return (epoch) => {
    const order = epochOrder({ seed, epoch, dataset, chunkSize, shuffleChunks, shuffle });
    return planBatches(dataset, order, train);
  };
}

/** Holds a batch back until all teachers have labelled it; later epochs need every training chunk. */
export function labelGate(
  { chunkSize, views, student }: Pick<StudentTraining, "chunkSize" | "views" | "student">,
  dataset: Dataset,
  batches: readonly Batch[],
  hooks: Pick<TrainingHooks, "labelsUpTo">,
): (epoch: number, batch: number) => Promise<void> | undefined {
  const needed = chunksNeeded({ dataset, chunkSize, batches: batches.map(({ ids }) => ids) });
  const order = labelOrder(dataset, chunkSize, labelledViews({ views, student }));
  const placeOf = new Map(order.map(({ view, shard, chunk }, i) => [`${view}/${shard}/${chunk}`, i]));
  const training = trainChunks(dataset, chunkSize);
  // Chunks are complete in the order of labelling, in which some hold no training sample.
  const upTo = (view: number, chunks: number): number => {
    const { shard, chunk } = training[chunks - 1] as ChunkRef;
    return (placeOf.get(`${view}/${shard}/${chunk}`) as number) + 1;
  };
  let have = 0;
  return (epoch, batch) => {
    const chunks = epoch === 0 ? (needed[batch] as number) : training.length;
    const count = upTo(labelledView(views, epoch), chunks);
    if (count <= have) return undefined;
    return hooks.labelsUpTo(count).then(() => {
      have = count;
    });
  };
}
