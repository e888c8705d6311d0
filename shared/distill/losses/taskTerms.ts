import * as tf from "@tensorflow/tfjs";
import type { TermSpec } from "../../config/distillSpec.ts";
import type { multiLabelTerms, regressionTerms, Task } from "../../config/tasks.ts";
import { StillhouseError } from "../../errors.ts";
import { bernoulliKl, reverseBernoulliKl } from "./bernoulliKl.ts";
import { binaryCrossEntropy } from "./binaryCrossEntropy.ts";
import { logitMseRows } from "./logitMse.ts";
import { meanOverRows } from "./means.ts";
import { huber, meanSquaredError, type TrueValues, teacherBounded, valueMse } from "./valueErrors.ts";

/** What a term of another task than classification sees of a batch. */
export interface TaskTermBatch extends TrueValues {
  /** Logits, or numbers, as the student gives them, [batch, classes]. */
  readonly student: tf.Tensor2D;
  /**
   * What the term's teachers say, combined, [batch, classes], outside of the gradient: log odds at T in multi-label, numbers
   * in regression, where T means nothing.
   */
  target(T: number): tf.Tensor2D;
}

type Kinds<T extends Task> = (T extends "regression"
  ? typeof regressionTerms
  : typeof multiLabelTerms)[number];
type Losses<T extends Task> = {
  readonly [K in Kinds<T>]: (
    batch: TaskTermBatch,
    term: Extract<TermSpec, { kind: K }>,
    T: number,
  ) => tf.Scalar;
};

/** Terms of classes that are there or not, each by itself. */
export const multiLabelTermLosses: Losses<"multi-label"> = {
  "cross-entropy": ({ student, truth, known }, { smoothing }) =>
    binaryCrossEntropy(student, truth, known, smoothing),
  kl: ({ student, target }, _, T) => bernoulliKl(student, target(T), T),
  "reverse-kl": ({ student, target }, _, T) => reverseBernoulliKl(student, target(T), T),
  "logit-mse": ({ student, target }) => meanOverRows(logitMseRows(student, target(1), false)),
};

/** Terms of numbers. */
export const regressionTermLosses: Losses<"regression"> = {
  mse: ({ student, ...truths }) => meanSquaredError(student, truths),
  huber: ({ student, ...truths }, { delta }) => huber(student, truths, delta),
  "value-mse": ({ student, target }) => valueMse(student, target(1)),
  "teacher-bounded": ({ student, target, ...truths }, { margin }) =>
    teacherBounded(student, target(1), truths, margin),
};

/** A term that its task does not have. */
export class TermNotDefined extends StillhouseError {}

/**
 * The value of one term, without its weight.
 * @throws TermNotDefined, which a checked spec never gives
 */
export function taskTermLoss(
  task: Exclude<Task, "classification">,
  batch: TaskTermBatch,
  term: TermSpec,
  T: number,
): tf.Scalar {
  const losses: Readonly<Record<string, unknown>> =
    task === "regression" ? regressionTermLosses : multiLabelTermLosses;
  const loss = losses[term.kind] as
    | ((batch: TaskTermBatch, term: TermSpec, T: number) => tf.Scalar)
    | undefined;
  if (!loss) {
    throw new TermNotDefined(
      `Cannot compute the term "${term.kind}" in ${task}: expected one of [${Object.keys(losses).join(", ")}]`,
      { fields: { task, kind: term.kind } },
    );
  }
  return tf.tidy(() => loss(batch, term, T));
}
