import * as tf from "@tensorflow/tfjs";
import type { TermSpec } from "../config/distillSpec.ts";
import type { FeatureView } from "./features/featureView.ts";
import { termLoss } from "./losses/registry.ts";
import { temperatureAt } from "./termSchedule.ts";

/** What a sum of terms needs of a batch. */
export interface DistillationBatch {
  /** Logits, [batch, classes]. */
  readonly student: tf.Tensor2D;
  /** Class of each sample, int32, [batch]; -1 where there is none. */
  readonly labels: tf.Tensor1D;
  /**
   * What the teachers of a term say, combined: log-probabilities, [batch, classes].
   * @param temper divides logits by the temperature that is asked for
   */
  target(term: TermSpec, temper: (logits: tf.Tensor2D) => tf.Tensor2D): tf.Tensor2D;
  /** Of the term at a place: its weight of this step, [batch] of one number; undefined where it never changes. */
  weight?(place: number): tf.Tensor1D | undefined;
  /** The same of its temperature. */
  temperature?(place: number): tf.Tensor1D | undefined;
  /** Of a term that learns from a feature. */
  inside?(place: number): FeatureView;
}

/**
 * The sum of terms that a student minimises.
 *
 *   L = sum_i weight_i term_i
 *
 * A temperature that comes as a tensor divides student and teachers before the term, which then works at T = 1 and is
 * multiplied by T^2: the same value.
 *
 * @returns scalar, nats a sample
 */
export function distillationLoss(terms: readonly TermSpec[], batch: DistillationBatch): tf.Scalar {
  return tf.tidy(() =>
    terms
      .map((term, place) => weighted(tempered(term, place, batch), term.weight, batch.weight?.(place)))
      .reduce((sum, part) => sum.add<tf.Scalar>(part)),
  );
}

function tempered(term: TermSpec, place: number, batch: DistillationBatch): tf.Scalar {
  const { student, labels } = batch;
  const changing = batch.temperature?.(place);
  if (!changing) {
    const target = (T: number): tf.Tensor2D =>
      batch.target(term, (logits) => (T === 1 ? logits : logits.div(T)));
    const inside = (): FeatureView => viewOf(batch, place);
    return termLoss({ student, labels, target, inside }, term, temperatureAt(term, 0, 1) ?? 1);
  }
  const T = changing.expandDims(1); // [batch, 1]
  const target = (): tf.Tensor2D => batch.target(term, (logits) => logits.div(T));
  const inside = (): FeatureView => viewOf(batch, place);
  const value = termLoss({ student: student.div(T), labels, target, inside }, term, 1);
  return value.mul(changing.mean().square()).asScalar();
}

function viewOf(batch: DistillationBatch, place: number): FeatureView {
  if (batch.inside) return batch.inside(place);
  throw new RangeError(
    `Cannot compute term ${place} as it looks inside the student, which is not shown here`,
  );
}

/** A weight of 1 costs nothing. */
function weighted(value: tf.Scalar, weight: number, changing: tf.Tensor1D | undefined): tf.Scalar {
  if (changing) return value.mul(changing.mean()).asScalar();
  return weight === 1 ? value : value.mul<tf.Scalar>(weight);
}
