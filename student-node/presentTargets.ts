import { type Dataset, rowOf, shardOf } from "../shared/data/dataset.ts";
import { placeOf } from "../shared/data/samplePlace.ts";
import type { KnownClasses } from "../shared/distill/ensembles/known.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";
import { rngOf, type Seed } from "../shared/model/seed.ts";

type Has = Pick<LabelStoreReader, "has">;

/** Whether a run uses what a teacher said of a sample. */
export function hasLabels(
  { has }: Has,
  dataset: Pick<Dataset, "shards">,
  teacher: number,
  id: number,
): boolean {
  return has(teacher, shardOf(id), placeOf(dataset, id));
}

/**
 * Those of the samples on which a teacher is judged, in their order: the run uses what it said of them, and where it knows
 * a part of the classes, they are of these.
 */
export function idsOfTeacher(
  labels: Has,
  dataset: Dataset,
  teacher: number,
  ids: Uint32Array,
  known: KnownClasses = null,
): Uint32Array {
  const own = known && new Set(known);
  const classOf = (id: number): number => dataset.labels[shardOf(id)]?.[rowOf(id)] ?? -1;
  return ids.filter((id) => (!own || own.has(classOf(id))) && hasLabels(labels, dataset, teacher, id));
}

/**
 * Who said something of which sample: 1 where a teacher did, 0 where not, and in all of a sample that fewer than the
 * quorum did, which has no target.
 * @returns [ids.length, teachers]
 */
export function presentTeachers(
  labels: Has,
  dataset: Dataset,
  teachers: number,
  quorum: number,
  ids: Uint32Array,
): Float32Array {
  const present = new Float32Array(ids.length * teachers);
  ids.forEach((id, row) => {
    const own = present.subarray(row * teachers, (row + 1) * teachers);
    for (let k = 0; k < teachers; k++) own[k] = hasLabels(labels, dataset, k, id) ? 1 : 0;
    if (own.reduce((sum, one) => sum + one, 0) < quorum) own.fill(0);
  });
  return present;
}

/**
 * The teacher that a rule which draws hears in a step. All are drawn one after another, by the weights of those that are
 * left, and each sample hears the first of them that is present: so it is drawn by weight among those.
 * @param present [rows, teachers]; absent: all are
 * @returns 1 at the teacher and 0 at the others, [rows, teachers]
 */
export function drawnTeachers(
  seed: Seed,
  step: number,
  weights: readonly number[],
  rows: number,
  present?: Float32Array,
): Float32Array {
  const count = weights.length;
  const order = drawnOrder(seed, step, weights, present ? count : 1);
  const drawn = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    const heard = order.find((k) => !present || present[row * count + k] === 1);
    if (heard !== undefined) drawn[row * count + heard] = 1;
  }
  return drawn;
}

function drawnOrder(seed: Seed, step: number, weights: readonly number[], count: number): number[] {
  const stream = rngOf(seed, "teacher", step);
  const left = weights.map((weight, k) => ({ weight, k }));
  const order: number[] = [];
  while (order.length < count) {
    let at = stream.uniform() * left.reduce((sum, { weight }) => sum + weight, 0);
    let place = 0;
    while (place < left.length - 1 && at >= (left[place]?.weight as number)) {
      at -= left[place]?.weight as number;
      place++;
    }
    order.push(...left.splice(place, 1).map(({ k }) => k));
  }
  return order;
}
