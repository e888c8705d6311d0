import * as tf from "@tensorflow/tfjs";
import type { EnsembleRule } from "./ensemble.ts";

/**
 * One teacher for each batch, drawn by weight: cheap, and on average the mean of the KLs to all of them. A sample of which
 * it said nothing has the next one drawn.
 * @throws RangeError where nobody was drawn, which is a fault of the caller
 */
export const random: EnsembleRule = ({ logits, drawn }, temper) =>
  tf.tidy(() => {
    if (!drawn) throw new RangeError("Cannot combine teachers by a draw: none was made");
    const shares = tf.split(drawn, logits.length, 1) as tf.Tensor2D[]; // [batch, 1] each
    const chosen = logits
      .map((of, k) => of.mul<tf.Tensor2D>(shares[k] as tf.Tensor2D))
      .reduce((sum, one) => sum.add<tf.Tensor2D>(one)); // [batch, classes]
    return tf.logSoftmax(temper(chosen));
  });
