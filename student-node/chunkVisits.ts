import type { Batch } from "../shared/compute/planBatches.ts";
import { type Dataset, sampleId, shardOf } from "../shared/data/dataset.ts";
import { placeOf } from "../shared/data/samplePlace.ts";

/** A chunk in an epoch, with those of its samples that are trained in it. */
export interface ChunkVisit {
  readonly shard: number;
  /** Of these, in the permutation of the shard. */
  readonly places: readonly number[];
}

/** In which order an epoch comes to its chunks. */
export interface EpochVisits {
  /** By their first sample that is trained. */
  readonly visits: readonly ChunkVisit[];
  /** Of each batch: it and those before it need the first so many of these. */
  readonly needed: readonly number[];
}

/** @param from the first batch that is trained: those before it are left out */
export function chunkVisits(
  dataset: Pick<Dataset, "shards">,
  chunkSize: number,
  batches: readonly Batch[],
  from = 0,
): EpochVisits {
  const visits: { shard: number; places: number[] }[] = [];
  const known = new Map<number, { places: number[] }>();
  const needed = batches.map(({ ids }, batch) => {
    if (batch < from) return 0;
    for (const id of ids) {
      const [shard, place] = [shardOf(id), placeOf(dataset, id)];
      const chunk = sampleId(shard, Math.floor(place / chunkSize));
      const visit = known.get(chunk);
      if (visit) visit.places.push(place);
      else {
        const first = { shard, places: [place] };
        visits.push(first);
        known.set(chunk, first);
      }
    }
    return visits.length;
  });
  return { visits, needed };
}
