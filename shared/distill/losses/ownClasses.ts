import * as tf from "@tensorflow/tfjs";
import type { KnownClasses } from "../ensembles/known.ts";
import { restricted } from "../ensembles/restricted.ts";
import { forwardKlRows } from "./forwardKl.ts";
import { meanOverRows } from "./means.ts";

/** What one of several teachers says of a batch, beside the others. */
export interface TeacherApart {
  /** Its logits at the temperature of the loss, [batch, classes]; made outside of the gradient. */
  readonly logits: tf.Tensor2D;
  readonly known: KnownClasses;
  /** Of sum 1 over the teachers: a number, or one a sample, [batch]. */
  readonly share: number | tf.Tensor1D;
}

/**
 * KL divergence from teachers that each know a part of the classes: each is compared with the student on its own.
 *
 *   L = T^2 mean_b sum_k w_k KL(p_k, q | L_k),   q | L_k: softmax(student / T) restricted to L_k and made a sum of 1
 *
 * How the student divides itself between L_k and the other classes is no matter to teacher k, so sets that share no class
 * say nothing of each other: labels, or a teacher that knows both, do. With teachers that know all it has the gradient of
 * `forwardKl` to the mean of their probabilities.
 *
 * @param student logits, [batch, classes]
 * @param T temperature, > 0
 * @param targeted 1 where there is a target, else 0, [batch]: the mean is over these; absent: over all
 * @returns scalar, nats per sample
 */
export function ownClassesKl(
  student: tf.Tensor2D,
  teachers: readonly TeacherApart[],
  T: number,
  targeted?: tf.Tensor1D,
): tf.Scalar {
  return tf.tidy(() => {
    const z = student.div<tf.Tensor2D>(T);
    const rows = teachers
      .map(({ logits, known, share }) => {
        const logP = tf.logSoftmax(restricted(logits, known));
        return forwardKlRows(restricted(z, known), logP, 1).mul<tf.Tensor1D>(share);
      })
      .reduce((sum, one) => sum.add<tf.Tensor1D>(one)); // [batch]
    return meanOverRows(rows.mul<tf.Tensor1D>(T * T), targeted);
  });
}
