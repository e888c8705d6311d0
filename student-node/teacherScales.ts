import type { EnsembleSpec } from "../shared/config/ensembleSpec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { accuracyWeights, calibratedTemperature, NothingToCalibrate } from "../shared/distill/calibration.ts";
import type { KnownClasses } from "../shared/distill/ensembles/known.ts";
import { topClasses } from "../shared/evaluate/softmax.ts";
import { idsOfTeacher } from "./presentTargets.ts";
import { taskScales } from "./taskScales.ts";
import { logitsByBlocks, type ReadableLabels } from "./teacherLogits.ts";
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
 * all students of a run have the same. Each teacher is looked at on those samples with a true label, of the classes that it
 * knows, of which the run uses its labels; one without any keeps temperature 1, and has the others' mean weight.
 * @throws NothingToCalibrate where no sample of a half has a true label, or all teachers to be weighed are without any
 */
export async function teacherScales(
  ensemble: EnsembleSpec,
  teachers: number,
  dataset: Dataset,
  labels: ReadableLabels,
  known?: readonly KnownClasses[],
): Promise<TeacherScales> {
  const { calibrate, weights } = ensemble;
  const { classes, targets } = dataset;
  if (targets) return taskScales(ensemble, teachers, { ...dataset, targets }, labels);
  const judgedOn = (k: number, half: Uint32Array): Uint32Array =>
    idsOfTeacher(labels, dataset, k, half, known?.[k]);
  const all = Array.from({ length: teachers }, (_, k) => k);
  const calibrating = calibrate ? labelledHalf(dataset, 0) : new Uint32Array();
  const temperatures: number[] = [];
  for (const k of all) {
    const ids = judgedOn(k, calibrating);
    const said = await logitsByBlocks(labels, dataset, k, ids);
    temperatures.push(
      ids.length === 0 ? 1 : calibratedTemperature(said, gatherLabels(dataset, ids), classes),
    );
  }
  // A checked spec gives a classification no weights by errors.
  if (typeof weights !== "string" || weights === "inverse-mse") {
    return { temperatures, weights: Array.isArray(weights) ? weights : all.map(() => 1) };
  }
  const weighing = labelledHalf(dataset, 1);
  const judged: { right: number; of: number }[] = [];
  for (const k of all) {
    const ids = judgedOn(k, weighing);
    const truth = gatherLabels(dataset, ids);
    const chosen = topClasses(await logitsByBlocks(labels, dataset, k, ids), classes);
    judged.push({
      right: chosen.reduce((sum, one, i) => (truth[i] === one ? sum + 1 : sum), 0),
      of: truth.length,
    });
  }
  return { temperatures, weights: accuracyWeights(judged, weights) };
}

/**
 * Those samples of one half of validation that have a true label.
 * @throws NothingToCalibrate where none has
 */
function labelledHalf(dataset: Dataset, odd: 0 | 1): Uint32Array {
  const half = validationHalf(dataset, odd);
  const truth = gatherLabels(dataset, half);
  const labelled = half.filter((_, i) => (truth[i] as number) >= 0);
  if (labelled.length > 0) return labelled;
  throw new NothingToCalibrate(
    `Cannot ${odd ? "weigh" : "calibrate"} teachers on ${half.length} validation samples as none of them has a label: raise data.validation, or give more samples a label`,
    { fields: { samples: half.length } },
  );
}

/** Logits divided by their teacher's temperature, in place. */
export function calibrated(logits: Float32Array, temperature: number): Float32Array {
  if (temperature === 1) return logits;
  for (let i = 0; i < logits.length; i++) logits[i] = (logits[i] as number) / temperature;
  return logits;
}
