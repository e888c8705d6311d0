import type { Batch } from "../shared/compute/planBatches.ts";
import { type Dataset, shardOf } from "../shared/data/dataset.ts";
import { placeOf } from "../shared/data/samplePlace.ts";
import { labelledView } from "../shared/data/views/viewSchedule.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";
import type { LabelsOfSamples } from "../shared/labels/partIndex.ts";
import { type ChunkVisit, chunkVisits, type EpochVisits } from "./chunkVisits.ts";
import type { StudentTraining } from "./compute.ts";

type HeldLabels = Pick<LabelStoreReader, "anyInLogAlone" | "hasArrived" | "hold" | "letGo" | "letGoAll">;

/** Labels of a chunk on their way into memory, or there. */
interface Coming {
  readonly arrival: Promise<void>;
  hasArrived: boolean;
}

/** An epoch, as far as its labels are held. */
interface HeldEpoch extends EpochVisits {
  readonly epoch: number;
  readonly batches: readonly Batch[];
  /** Of the first of `visits`. */
  readonly coming: Coming[];
  /** The first batch that is not trained. */
  next: number;
}

/**
 * Holds what a training needs of labels that lie in the log alone, chunk by chunk in the order in which it comes to them: each
 * is read once an epoch. While one window of `shuffleChunks` chunks is trained the next is on its way; a sample's labels
 * are let go after its step. So memory has the samples of two windows, or of one and a batch where that is more; of a
 * length bucket, those that wait for its next batch too.
 */
export class LabelLookahead {
  readonly #training: Pick<StudentTraining, "chunkSize" | "views" | "student" | "teachers">;
  readonly #dataset: Dataset;
  readonly #batchesOf: (epoch: number) => readonly Batch[];
  readonly #labels: HeldLabels;
  readonly #teachers: readonly number[];
  /** Under way, and the one after it where its first labels are on their way. */
  #epochs: HeldEpoch[] = [];
  /** Samples that are held or on their way. */
  #samples = 0;

  constructor(
    training: Pick<StudentTraining, "chunkSize" | "views" | "student" | "teachers">,
    dataset: Dataset,
    batchesOf: (epoch: number) => readonly Batch[],
    labels: HeldLabels,
  ) {
    this.#training = training;
    this.#dataset = dataset;
    this.#batchesOf = batchesOf;
    this.#labels = labels;
    this.#teachers = [...training.teachers.keys()];
  }

  /** Resolves when the labels of a batch, which have arrived at the node, can be read; undefined when they can. */
  ready(epoch: number, batch: number): Promise<void> | undefined {
    if (!this.#labels.anyInLogAlone) return undefined;
    const now = this.#goOnTo(epoch, batch);
    const needed = now.needed[batch] as number;
    while (now.coming.length < needed) this.#bring(now);
    this.#lookAhead(now);
    const missing = now.coming.slice(0, needed).filter(({ hasArrived }) => !hasArrived);
    if (missing.length === 0) return undefined;
    return Promise.all(missing.map(({ arrival }) => arrival)).then(() => undefined);
  }

  close(): void {
    this.#labels.letGoAll();
    this.#epochs = [];
    this.#samples = 0;
  }

  /** Lets go of what was trained before a batch. */
  #goOnTo(epoch: number, batch: number): HeldEpoch {
    for (;;) {
      const [now] = this.#epochs;
      if (!now) return this.#open(epoch, batch);
      const upTo = now.epoch < epoch ? now.batches.length : batch;
      while (now.next < upTo) this.#trained(now, now.batches[now.next++] as Batch);
      if (now.epoch === epoch) return now;
      this.#epochs.shift();
    }
  }

  #open(epoch: number, from = 0): HeldEpoch {
    const batches = this.#batchesOf(epoch);
    const visits = chunkVisits(this.#dataset, this.#training.chunkSize, batches, from);
    const opened = { ...visits, epoch, batches, coming: [], next: from };
    this.#epochs.push(opened);
    return opened;
  }

  #trained({ epoch }: HeldEpoch, { ids }: Batch): void {
    this.#labels.letGo({
      ...this.#from(epoch),
      samples: Array.from(ids, (id) => ({ shard: shardOf(id), place: placeOf(this.#dataset, id) })),
    });
    this.#samples -= ids.length;
  }

  #lookAhead(now: HeldEpoch): void {
    const { student, chunkSize } = this.#training;
    const most = 2 * student.shuffleChunks * chunkSize;
    let ahead = now;
    for (;;) {
      const visit = ahead.visits[ahead.coming.length];
      if (visit) {
        const fits = this.#samples + visit.places.length <= most;
        if (!fits || !this.#labels.hasArrived(this.#labelsOf(ahead.epoch, visit))) return;
        this.#bring(ahead);
      } else {
        const next = ahead.epoch + 1;
        // One epoch after this is enough, however few chunks it has.
        if (ahead !== now || next >= student.train.epochs) return;
        ahead = this.#epochs[1] ?? this.#open(next);
      }
    }
  }

  #bring(into: HeldEpoch): void {
    const visit = into.visits[into.coming.length] as ChunkVisit;
    const arrival = this.#labels.hold(this.#labelsOf(into.epoch, visit)).then(() => {
      coming.hasArrived = true;
    });
    // It fails the batch that needs it, if any comes to that.
    arrival.catch(() => undefined);
    const coming: Coming = { arrival, hasArrived: false };
    into.coming.push(coming);
    this.#samples += visit.places.length;
  }

  #labelsOf(epoch: number, { shard, places }: ChunkVisit): LabelsOfSamples {
    return { ...this.#from(epoch), samples: places.map((place) => ({ shard, place })) };
  }

  #from(epoch: number): Pick<LabelsOfSamples, "view" | "teachers"> {
    return { view: labelledView(this.#training.views, epoch), teachers: this.#teachers };
  }
}
