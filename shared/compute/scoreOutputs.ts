import type { Dataset } from "../data/dataset.ts";
import { gatherLabels } from "../data/gather.ts";
import { gatherValues, inUnits, scoreUnit } from "../data/targets.ts";
import { binaryCrossEntropyOf, meanAveragePrecision } from "../evaluate/multiLabelMetrics.ts";
import { rmseIn } from "../evaluate/regressionMetrics.ts";
import type { CurvePoint } from "../evaluate/reportSchema.ts";
import type { ScoredPoint } from "../evaluate/taskReportSchema.ts";
import { scoreLogits } from "./scoreLogits.ts";

/** What validation says of an epoch. */
export type Validated =
  | Pick<CurvePoint, "validationLoss" | "validationAccuracy">
  | Pick<ScoredPoint, "validationLoss" | "validationScore">;

/**
 * Loss and score of what a model in training gives for samples; what is not known is left out.
 * @param outputs in the numbers that it learns: logits, or standardised values, [ids.length, classes]
 */
export function scoreOutputs(dataset: Dataset, ids: Uint32Array, outputs: Float32Array): Validated {
  const { targets, classes } = dataset;
  if (!targets) {
    const { loss, accuracy } = scoreLogits(outputs, gatherLabels(dataset, ids), classes);
    return { validationLoss: loss, validationAccuracy: accuracy };
  }
  const truth = gatherValues(targets, classes, ids);
  if (targets.task === "multi-label") {
    return {
      validationLoss: classes * binaryCrossEntropyOf(outputs, truth),
      validationScore: meanAveragePrecision(outputs, truth, classes),
    };
  }
  const values = inUnits(targets, outputs.slice());
  return {
    validationLoss: rmseIn(values, truth, targets.scale.deviation) ** 2,
    validationScore: rmseIn(values, truth, scoreUnit(targets)),
  };
}
