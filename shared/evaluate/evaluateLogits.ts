import { accuracy, perClassAccuracy } from "./accuracy.ts";
import { agreement } from "./agreement.ts";
import { expectedCalibrationError } from "./calibration.ts";
import { meanKl } from "./divergence.ts";
import { brierScore, negativeLogLikelihood } from "./likelihood.ts";
import type { TestMetrics } from "./reportSchema.ts";
import { checkFinite, checkSameLength, labelledRowCount } from "./rows.ts";
import { logSoftmax, topClasses } from "./softmax.ts";

/**
 * Everything that a report says about one model's predictions on one split.
 *
 * @param logits [rows, classes], row-major; logits or log-probabilities
 * @param labels [rows], each in 0 .. classes - 1
 * @param reference the ensemble's log-probabilities (or logits) on the same rows, [rows, classes]; without it,
 *   whatever compares with the ensemble is null
 * @throws MetricInputError for shapes that do not fit, a label out of range, or a logit that is not finite (in the
 *   reference -Infinity is allowed, a probability of 0)
 */
export function evaluateLogits(
  logits: Float32Array,
  labels: Int32Array,
  classes: number,
  reference?: Float32Array,
): TestMetrics {
  labelledRowCount(logits, labels, classes);
  checkFinite(logits, classes);
  const logQ = logSoftmax(logits, classes);
  const predicted = topClasses(logits, classes);
  const versus = reference && compare(logQ, predicted, labels, classes, reference);
  return {
    accuracy: accuracy(predicted, labels),
    nll: negativeLogLikelihood(logQ, labels, classes),
    ece: expectedCalibrationError(logQ, labels, classes),
    brier: brierScore(logQ, labels, classes),
    agreementWithEnsemble: versus?.overall ?? null,
    agreementWhereEnsembleRight: versus?.whereRight ?? null,
    agreementWhereEnsembleWrong: versus?.whereWrong ?? null,
    klToEnsemble: versus?.kl ?? null,
    perClassAccuracy: perClassAccuracy(predicted, labels, classes),
  };
}

function compare(
  logQ: Float64Array,
  predicted: Int32Array,
  labels: Int32Array,
  classes: number,
  reference: Float32Array,
) {
  checkSameLength(logQ, reference, "a model's and the ensemble's predictions");
  const logP = logSoftmax(reference, classes);
  return { ...agreement(predicted, topClasses(reference, classes), labels), kl: meanKl(logP, logQ, classes) };
}
