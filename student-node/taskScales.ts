import type { EnsembleSpec } from "../shared/config/ensembleSpec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherValues, type Targets } from "../shared/data/targets.ts";
import { accuracyWeights, NothingToCalibrate, temperatureOfLeast } from "../shared/distill/calibration.ts";
import { binaryCrossEntropyOf } from "../shared/evaluate/multiLabelMetrics.ts";
import { rmseIn } from "../shared/evaluate/regressionMetrics.ts";
import { logitsOfTeachers, type ReadableLabels } from "./teacherLogits.ts";
import type { TeacherScales } from "./teacherScales.ts";
import { validationHalf } from "./validationHalf.ts";

/** So that a teacher without an error is not everything. */
const LEAST_ERROR = 1e-6;

/**
 * As `teacherScales`, of other tasks: temperatures by binary cross-entropy; weights by the share of right decisions at 0.5
 * and its log odds, or, of numbers, by 1 / MSE in standardised units. On the same halves of validation.
 * @throws NothingToCalibrate where nothing is known of a half
 */
export async function taskScales(
  { calibrate, weights }: EnsembleSpec,
  teachers: number,
  dataset: Dataset & { readonly targets: Targets },
  labels: Pick<ReadableLabels, "read" | "inBlocks">,
): Promise<TeacherScales> {
  const { classes, targets } = dataset;
  const all = Array.from({ length: teachers }, (_, k) => k);
  const half = (odd: 0 | 1) => {
    const ids = validationHalf(dataset, odd);
    const truth = gatherValues(targets, classes, ids);
    const known = truth.reduce((sum, value) => (Number.isNaN(value) ? sum : sum + 1), 0);
    if (known > 0) return { ids, truth, known };
    throw new NothingToCalibrate(
      `Cannot weigh or calibrate teachers on ${ids.length} validation samples as nothing is known of them: give more targets, or data.validation`,
      { fields: { samples: ids.length } },
    );
  };
  const said = (ids: Uint32Array): Promise<Float32Array[]> =>
    logitsOfTeachers(labels, dataset, teachers, ids);
  const leastOn = async ({ ids, truth }: ReturnType<typeof half>): Promise<number[]> =>
    (await said(ids)).map((logits) =>
      temperatureOfLeast((T) =>
        binaryCrossEntropyOf(
          logits.map((z) => z / T),
          truth,
        ),
      ),
    );
  const temperatures = calibrate ? await leastOn(half(0)) : all.map(() => 1);
  if (typeof weights !== "string") return { temperatures, weights: weights ?? all.map(() => 1) };
  const { ids, truth, known } = half(1);
  if (weights === "inverse-mse") {
    const errors = (await said(ids)).map((values) => {
      const rmse = rmseIn(values, truth, targets.scale.deviation);
      return Math.max(LEAST_ERROR, rmse * rmse);
    });
    const sum = errors.reduce((total, error) => total + 1 / error, 0);
    return { temperatures, weights: errors.map((error) => 1 / error / sum) };
  }
  const judged = (await said(ids)).map((logits) => {
    const right = truth.reduce(
      (sum, y, i) => (y === ((logits[i] as number) >= 0 ? 1 : 0) ? sum + 1 : sum),
      0,
    );
    return { right, of: known };
  });
  return { temperatures, weights: accuracyWeights(judged, weights) };
}
