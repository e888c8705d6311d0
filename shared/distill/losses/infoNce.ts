import * as tf from "@tensorflow/tfjs";

/**
 * InfoNCE (van den Oord et al. 2018) within a batch: contrastive distillation that needs no bank, as the negatives of a
 * sample are the teacher's embeddings of the others. For programs of one's own; a spec names `crd`, whose negatives are
 * remembered.
 *
 *   L = - mean_b log softmax_j (s_b . t_j / tau) [b]
 *
 * @param student embeddings of norm 1, [batch, width]
 * @param teacher embeddings of norm 1, [batch, width]
 * @returns scalar, nats a sample; log(batch) where nothing is told apart
 */
export function infoNce(student: tf.Tensor2D, teacher: tf.Tensor2D, tau: number): tf.Scalar {
  return tf.tidy(() => {
    const batch = student.shape[0];
    const logQ = tf.logSoftmax(tf.matMul(student, teacher, false, true).div<tf.Tensor2D>(tau)); // [batch, batch]
    return logQ.mul(tf.eye(batch)).sum().div(-batch).asScalar();
  });
}
