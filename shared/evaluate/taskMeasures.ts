import { gatherValues, scoreUnit, type Targets } from "../data/targets.ts";
import { meanAveragePrecision, multiLabelMetrics, rightShares } from "./multiLabelMetrics.ts";
import { regressionMetrics, rmseIn, squaredErrors } from "./regressionMetrics.ts";
import type { MultiLabelMetrics, RegressionMetrics } from "./taskReportSchema.ts";

/** How models of a task are measured on some samples. */
export interface Measures<M> {
  /** Everything that a report says. @param outputs log odds, or numbers in the data's units, [rows, classes] */
  metrics(outputs: Float32Array): M;
  /** The one number by which models are compared; NaN where nothing is known. */
  score(outputs: Float32Array): number;
  /** Of each sample, what is compared pair by pair; NaN where nothing is known of it: [rows]. */
  perSample(outputs: Float32Array): Float32Array;
}

export function multiLabelMeasures(
  targets: Targets,
  classes: number,
  ids: Uint32Array,
): Measures<MultiLabelMetrics> {
  const truth = gatherValues(targets, classes, ids);
  return {
    metrics: (logits) => multiLabelMetrics(logits, truth, classes),
    score: (logits) => meanAveragePrecision(logits, truth, classes),
    perSample: (logits) => rightShares(logits, truth, classes),
  };
}

export function regressionMeasures(
  targets: Targets,
  outputs: number,
  ids: Uint32Array,
): Measures<RegressionMetrics> {
  const truth = gatherValues(targets, outputs, ids);
  const unit = scoreUnit(targets);
  return {
    metrics: (values) => regressionMetrics(values, truth, outputs),
    score: (values) => rmseIn(values, truth, unit),
    perSample: (values) => squaredErrors(values, truth, unit),
  };
}
