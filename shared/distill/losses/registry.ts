import * as tf from "@tensorflow/tfjs";
import type { PlainTermSpec, TermSpec } from "../../config/distillSpec.ts";
import type { classificationTerms } from "../../config/tasks.ts";
import type { FeatureView } from "../features/featureView.ts";
import { confidences, confidenceWeighted } from "./confidenceWeighted.ts";
import { crossEntropy } from "./crossEntropy.ts";
import { decoupledKdRows } from "./decoupledKd.ts";
import { dist } from "./dist.ts";
import { featureTermLoss } from "./featureTerms.ts";
import { forwardKl, forwardKlRows } from "./forwardKl.ts";
import { ghostKlRows } from "./ghostKl.ts";
import { jensenShannonRows } from "./jensenShannon.ts";
import { logitMseRows } from "./logitMse.ts";
import { meanOverLabelled, meanOverRows } from "./means.ts";
import { ownClassesKl, type TeacherApart } from "./ownClasses.ts";
import { reverseKlRows } from "./reverseKl.ts";
import { standardise } from "./standardise.ts";
import { teacherLabelRows } from "./teacherLabels.ts";
import { virtualTeacher } from "./virtualTeacher.ts";

/** What a term sees of a batch. */
export interface TermBatch {
  /** Logits, [batch, classes]. */
  readonly student: tf.Tensor2D;
  /** Class of each sample, int32, [batch]; -1 where there is none. */
  readonly labels: tf.Tensor1D;
  /** 1 where the term has a target, else 0, [batch]: its mean is over these samples. Absent: all have one. */
  readonly targeted?: tf.Tensor1D | undefined;
  /** Of teachers that each know a part of the classes, what each says at T; absent: `target` has what all say. */
  apart?(T: number): readonly TeacherApart[];
  /** What the term's teachers say: log-probabilities at T, [batch, classes], outside of the gradient. */
  target(T: number): tf.Tensor2D;
  /** 1 at the classes that its teacher's labels hold, where the others are one outcome, [batch, classes]. */
  readonly stored?: tf.Tensor2D | undefined;
  /** Of a term that learns from a feature. */
  inside(): FeatureView;
}

/** Terms that look at answers alone; the others are in `featureTerms.ts`, those of other tasks in `taskTerms.ts`. */
type TermKind = (typeof classificationTerms)[number];
type Of<K extends TermKind> = Extract<TermSpec, { kind: K }>;

/**
 * Every term that a spec of a classification can name: its value for a batch, at temperature T where it has one, without its weight.
 * Cross-entropy and what needs the true class average over the labelled samples, everything else over all; where targets
 * may be missing, what needs a target over the samples that have one.
 */
export const termLosses: {
  readonly [K in TermKind]: (batch: TermBatch, term: Of<K>, T: number) => tf.Scalar;
} = {
  "cross-entropy": ({ student, labels, targeted }, { smoothing }) =>
    crossEntropy(student, labels, smoothing, targeted),
  kl: ({ student, target, targeted, apart, stored }, _, T) => {
    if (apart) return ownClassesKl(student, apart(T), T, targeted);
    if (stored) return meanOverRows(ghostKlRows(student, target(T), stored, T), targeted);
    return forwardKl(student, target(T), T, targeted);
  },
  "reverse-kl": ({ student, target, targeted }, _, T) =>
    meanOverRows(reverseKlRows(student, target(T), T), targeted),
  jsd: ({ student, target, targeted }, { beta }, T) =>
    meanOverRows(jensenShannonRows(student, target(T), T, beta), targeted),
  "logit-mse": ({ student, target, targeted }, { centred }) =>
    meanOverRows(logitMseRows(student, target(1), centred), targeted),
  dkd: ({ student, target, labels, targeted }, weights, T) =>
    meanOverLabelled(decoupledKdRows(student, target(T), labels, T, weights), labels, targeted),
  dist: ({ student, target, targeted }, weights, T) => dist(student, target(T), T, weights, targeted),
  "standardised-kl": ({ student, target, targeted }, { deviation }, T) => {
    const teacher = tf.logSoftmax(standardise(target(1), deviation).div<tf.Tensor2D>(T));
    return meanOverRows(forwardKlRows(standardise(student, deviation), teacher, T), targeted);
  },
  "teacher-labels": ({ student, target, targeted }) =>
    meanOverRows(teacherLabelRows(student, target(1)), targeted),
  "confidence-weighted": ({ student, target, labels, targeted }) => {
    const weights = confidences(target(1));
    return confidenceWeighted(student, labels, targeted ? weights.mul<tf.Tensor1D>(targeted) : weights);
  },
  "virtual-teacher": ({ student, labels }, { temperature, confidence, softening }) => {
    const virtual = virtualTeacher(labels, student.shape[1], confidence, temperature, softening);
    const T = softening === "official" ? 1 : temperature;
    return meanOverLabelled(forwardKlRows(student, virtual, T), labels);
  },
};

/** The value of one term of a classification, whatever its kind; those of other tasks are in `taskTerms.ts`. */
export function termLoss(batch: TermBatch, term: PlainTermSpec, T: number): tf.Scalar {
  if ("feature" in term) return tf.tidy(() => featureTermLoss(batch.inside(), term));
  const loss = termLosses[term.kind as TermKind] as (
    batch: TermBatch,
    term: TermSpec,
    T: number,
  ) => tf.Scalar;
  return tf.tidy(() => loss(batch, term, T));
}
