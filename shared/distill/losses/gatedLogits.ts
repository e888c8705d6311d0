import * as tf from "@tensorflow/tfjs";

/**
 * The teacher of ONE (Lan, Zhu, Gong 2018): the heads' logits, weighted by a learnt gate. For programs that build students of
 * several heads; no architecture of a spec has them.
 *
 *   z_e = sum_i g_i z_i
 *
 * @param heads logits of each, [batch, classes]
 * @param gate a softmax over heads, [heads] or [batch, heads]
 * @returns [batch, classes]
 */
export function gatedLogits(heads: readonly tf.Tensor2D[], gate: tf.Tensor): tf.Tensor2D {
  return tf.tidy(() => {
    const stacked = tf.stack([...heads], 1); // [batch, heads, classes]
    return stacked.mul(gate.expandDims(-1)).sum(1) as tf.Tensor2D;
  });
}
