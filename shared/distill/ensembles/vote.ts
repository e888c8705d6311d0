import * as tf from "@tensorflow/tfjs";
import { type EnsembleRule, normaliseWeights } from "./ensemble.ts";

/** Of a class that nobody chose, so that its log is finite. */
const FLOOR = 1e-7;

/**
 * The weighted share of teachers that choose each class first: all that there is of teachers which give decisions. A
 * temperature softens the shares as it softens probabilities.
 */
export const vote: EnsembleRule = ({ logits, weights }, temper) =>
  tf.tidy(() => {
    const shares = normaliseWeights(weights, logits.length);
    const votes = logits
      .map((of, k) => firstChoices(of).mul<tf.Tensor2D>(shares[k] as number))
      .reduce((sum, one) => sum.add<tf.Tensor2D>(one)); // [batch, classes]
    return tf.logSoftmax(temper(tf.maximum(votes, FLOOR).log() as tf.Tensor2D));
  });

/** 1 at the largest logit of each row; ties share it. [batch, classes] */
function firstChoices(logits: tf.Tensor2D): tf.Tensor2D {
  const first = logits.greaterEqual(logits.max(-1, true)).toFloat();
  return first.div(first.sum(-1, true));
}
