import { type StudentSpecs, studentsOf } from "../config/students.ts";
import type { Dataset } from "../data/dataset.ts";
import { stepsOfEpoch } from "./planBatches.ts";

/**
 * Steps of an epoch of each student of a run, by its name; of the run's `student` under undefined.
 * @param dataset as students see it
 */
export function studentSteps(
  spec: StudentSpecs,
  dataset: Pick<Dataset, "shards" | "inputShape" | "splits">,
): ReadonlyMap<string | undefined, number> {
  return new Map(studentsOf(spec).map(({ name, student }) => [name, stepsOfEpoch(dataset, student.train)]));
}
