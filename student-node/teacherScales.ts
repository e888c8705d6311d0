import type { EnsembleSpec } from "../shared/config/ensembleSpec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { accuracyWeights, calibratedTemperature } from "../shared/distill/calibration.ts";
import type { KnownClasses } from "../shared/distill/ensembles/known.ts";
import { topClasses } from "../shared/evaluate/softmax.ts";
import type { LabelStoreReader } from "../shared/labels/labelStore.ts";
import { idsOfTeacher } from "./presentTargets.ts";
import { taskScales } from "./taskScales.ts";
import { teacherLogits } from "./teacherLogits.ts";
import { validationHalf } from "./validationHalf.ts";

/** What stands between a teacher's labels and the ensemble. */
export interface TeacherScales {
  /** By which each teacher's logits are divided first. */
  readonly temperatures: readonly number[];
  /** One a teacher, > 0. */
  readonly weights: readonly number[];
}

/** @returns whether the scales are learnt, and so need the labels of the validation split */
export function scalesAreLearnt({ calibrate, weights }: EnsembleSpec): boolean {
  return calibrate || typeof weights === "string";
}

/**
 * The spec's weights and a temperature of 1, or what validation says: temperatures from every other of its samples,
 * weights from those between, so that neither is chosen by what the other has fitted. A function of the labels alone, so
 * all students of a run have the same. Each teacher is looked at on the samples that it has labelled, of the classes that it knows; one without any
 * keeps temperature 1, and has the others' mean weight.
 */
export function teacherScales(
  ensemble: EnsembleSpec,
  teachers: number,
  dataset: Dataset,
  labels: Pick<LabelStoreReader, "read" | "has">,
  known?: readonly KnownClasses[],
): TeacherScales {
  const { calibrate, weights } = ensemble;
  const { classes, targets } = dataset;
  if (targets) return taskScales(ensemble, teachers, { ...dataset, targets }, labels);
  const all = Array.from({ length: teachers }, (_, k) => k);
  const temperatures = all.map((k) => {
    if (!calibrate) return 1;
    const ids = idsOfTeacher(labels, dataset, k, validationHalf(dataset, 0), known?.[k]);
    if (ids.length === 0) return 1;
    return calibratedTemperature(teacherLogits(labels, dataset, k, ids), gatherLabels(dataset, ids), classes);
  });
  // A checked spec gives a classification no weights by errors.
  if (typeof weights !== "string" || weights === "inverse-mse") {
    return { temperatures, weights: Array.isArray(weights) ? weights : all.map(() => 1) };
  }
  const judged = all.map((k) => {
    const ids = idsOfTeacher(labels, dataset, k, validationHalf(dataset, 1), known?.[k]);
    const truth = gatherLabels(dataset, ids);
    const chosen = topClasses(teacherLogits(labels, dataset, k, ids), classes);
    return {
      right: chosen.reduce((sum, one, i) => (truth[i] === one ? sum + 1 : sum), 0),
      of: truth.reduce((sum, label) => (label >= 0 ? sum + 1 : sum), 0),
    };
  });
  return { temperatures, weights: accuracyWeights(judged, weights) };
}

/** Logits divided by their teacher's temperature, in place. */
export function calibrated(logits: Float32Array, temperature: number): Float32Array {
  if (temperature === 1) return logits;
  for (let i = 0; i < logits.length; i++) logits[i] = (logits[i] as number) / temperature;
  return logits;
}
