import * as tf from "@tensorflow/tfjs";
import { type KnownClasses, knownMask } from "./known.ts";

/** Beside a logit of a class that a teacher does not know: its probability is 0, and no difference infinite. */
const HIDDEN = -1e4;

/**
 * Logits restricted to what a teacher knows: where it does not, so low that a softmax is over the others alone.
 * @param logits [batch, classes], at the temperature that is wanted
 */
export function restricted(logits: tf.Tensor2D, known: KnownClasses): tf.Tensor2D {
  if (!known) return logits;
  return tf.tidy(() => {
    const mask = tf.tensor1d(knownMask(known, logits.shape[1])); // [classes]
    return logits.mul(mask).add<tf.Tensor2D>(tf.sub(1, mask).mul(HIDDEN));
  });
}
