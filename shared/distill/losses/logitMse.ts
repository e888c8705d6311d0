import * as tf from "@tensorflow/tfjs";

/**
 * Squared difference of logits (Ba, Caruana 2014), which distillation tends to at high temperature: T^2 KL approaches
 * half of it, centred.
 *
 *   L = mean_c (z_c - v_c)^2,   with `centred` after each row's mean is taken off both
 *
 * @param student logits z, [batch, classes]
 * @param teacher logits v, [batch, classes]; made outside of the gradient. Log-probabilities are logits up to one number
 *   a row, so of a combination they serve where `centred` is set
 * @returns of each sample, [batch]; 0 where student equals teacher
 */
export function logitMseRows(student: tf.Tensor2D, teacher: tf.Tensor2D, centred: boolean): tf.Tensor1D {
  return tf.tidy(() => {
    const difference = student.sub<tf.Tensor2D>(teacher); // [batch, classes]
    const compared = centred ? difference.sub(difference.mean(-1, true)) : difference;
    return compared.square().mean(-1).as1D(); // [batch]
  });
}
