import * as tf from "@tensorflow/tfjs";
import type { PlainTermSpec, TermSpec } from "../config/distillSpec.ts";
import type { FeatureView } from "./features/featureView.ts";
import { crossEntropy } from "./losses/crossEntropy.ts";
import type { TeacherApart } from "./losses/ownClasses.ts";
import { type TermBatch, termLoss } from "./losses/registry.ts";
import { termNeeds } from "./termNeeds.ts";
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
   * @param at that temperature, or the place of the term whose changing one it is
   */
  target(
    term: TermSpec,
    temper: (logits: tf.Tensor2D) => tf.Tensor2D,
    at: number | { readonly place: number },
  ): tf.Tensor2D;
  /**
   * Of a term that joins what its teacher's labels do not hold into one outcome: 1 at the classes that they hold,
   * [batch, classes]; undefined: it compares class by class.
   */
  stored?(term: TermSpec): tf.Tensor2D | undefined;
  /** Of a term whose teachers are compared with the student one by one, what each says; undefined: combined. */
  apart?(
    term: TermSpec,
  ): ((temper: (logits: tf.Tensor2D) => tf.Tensor2D) => readonly TeacherApart[]) | undefined;
  /** Where targets may be missing; absent: every sample has one. */
  readonly missing?: MissingTargets;
  /** Of the term at a place: its weight of this step, [batch] of one number; undefined where it never changes. */
  weight?(place: number): tf.Tensor1D | undefined;
  /** The same of its temperature. */
  temperature?(place: number): tf.Tensor1D | undefined;
  /** Of a term that learns from a feature. */
  inside?(place: number): FeatureView;
  /** The value of a term of another task than classification. */
  taskLoss?:
    | ((said: Pick<TermBatch, "student" | "target">, term: TermSpec, T: number) => tf.Scalar)
    | undefined;
}

/** What is done with samples that lack a target. */
export interface MissingTargets {
  /** 1 where there is a target, of a term's own teacher where it has one, else 0, [batch]. */
  targeted(term?: TermSpec): tf.Tensor1D;
  /** Weight of the true label of a sample without a target; undefined: what the terms together have. */
  readonly labelsWeight: number | undefined;
}

/**
 * The sum of terms that a student minimises.
 *
 *   L = sum_i weight_i term_i
 *
 * Where targets may be missing, a term that needs one averages over the samples that have it, and cross-entropy has
 * another weight for those that have not: with n the labelled samples, w its own weight and W of `labelsWeight`,
 *
 *   (1/n) sum_{b labelled, targeted} w CE_b + (1/n) sum_{b labelled, not targeted} W CE_b
 *
 * so that a sample without a target learns from its label alone, and one without either adds nothing.
 *
 * A temperature that comes as a tensor divides student and teachers before the term, which then works at T = 1 and is
 * multiplied by T^2: the same value.
 *
 * @returns scalar, nats a sample
 */
export function distillationLoss(terms: readonly PlainTermSpec[], batch: DistillationBatch): tf.Scalar {
  return tf.tidy(() => {
    const sum = terms
      .map((term, place) => weighted(tempered(term, place, batch), term.weight, batch.weight?.(place)))
      .reduce((sum, part) => sum.add<tf.Scalar>(part));
    if (batch.missing && batch.taskLoss) {
      throw new RangeError("Cannot leave out samples without a target: only terms of classification can");
    }
    return batch.missing ? sum.add<tf.Scalar>(ofLabelsAlone(terms, batch, batch.missing)) : sum;
  });
}

/** What samples with a label and without a target add: cross-entropy, smoothed as that of the terms is. */
function ofLabelsAlone(
  terms: readonly TermSpec[],
  batch: DistillationBatch,
  { targeted, labelsWeight }: MissingTargets,
): tf.Scalar {
  const ofLabels = terms.find((term) => term.kind === "cross-entropy");
  const without = tf.sub<tf.Tensor1D>(1, targeted());
  const value = crossEntropy(batch.student, batch.labels, ofLabels?.smoothing ?? 0, without);
  if (labelsWeight !== undefined) return weighted(value, labelsWeight, undefined);
  return terms
    .map((term, place) => ({ term, place }))
    .filter(({ term: { kind } }) => kind === "cross-entropy" || termNeeds[kind].teachers)
    .map(({ term, place }) => weighted(value, term.weight, batch.weight?.(place)))
    .reduce((sum, part) => sum.add<tf.Scalar>(part));
}

/** Where a term has its targets: cross-entropy counts the samples that have one, and what needs none counts all. */
function targetedBy(term: TermSpec, { missing }: DistillationBatch): tf.Tensor1D | undefined {
  return term.kind === "cross-entropy" || termNeeds[term.kind].teachers ? missing?.targeted(term) : undefined;
}

function tempered(term: PlainTermSpec, place: number, batch: DistillationBatch): tf.Scalar {
  const { student, labels } = batch;
  const targeted = targetedBy(term, batch);
  const lossOf: typeof termLoss = (said, of, T) =>
    batch.taskLoss && !("feature" in of) ? batch.taskLoss(said, of, T) : termLoss(said, of, T);
  const inside = (): FeatureView => viewOf(batch, place);
  const stored = batch.stored?.(term);
  const changing = batch.temperature?.(place);
  if (!changing) {
    const target = (T: number): tf.Tensor2D =>
      batch.target(term, (logits) => (T === 1 ? logits : logits.div(T)), T);
    const apart = apartOf(term, batch, (T) => (logits) => (T === 1 ? logits : logits.div(T)));
    const given = { student, labels, target, targeted, inside, stored, ...apart };
    return lossOf(given, term, temperatureAt(term, 0, 1) ?? 1);
  }
  const T = changing.expandDims(1); // [batch, 1]
  const target = (): tf.Tensor2D => batch.target(term, (logits) => logits.div(T), { place });
  const apart = apartOf(term, batch, () => (logits) => logits.div(T));
  const divided = student.div<tf.Tensor2D>(T);
  const given = { student: divided, labels, target, targeted, inside, stored, ...apart };
  const value = lossOf(given, term, 1);
  return value.mul(changing.mean().square()).asScalar();
}

/** What a term's teachers say one by one, where it looks at them so. */
function apartOf(
  term: TermSpec,
  batch: DistillationBatch,
  temperAt: (T: number) => (logits: tf.Tensor2D) => tf.Tensor2D,
): { apart?(T: number): readonly TeacherApart[] } {
  const said = batch.apart?.(term);
  return said ? { apart: (T) => said(temperAt(T)) } : {};
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
