import * as tf from "@tensorflow/tfjs";

/**
 * How the virtual teacher of TF-KD is softened. `official`: the softmax of its probabilities divided by the
 * temperature, as the authors' code has it, which is nearly uniform; `principled`: what a temperature means, its
 * probabilities to the power 1 / temperature, normalised.
 */
export type Softening = "official" | "principled";

/**
 * Log-probabilities of the virtual teacher of teacher-free distillation (Yuan et al. 2020): `confidence` on the right
 * class and the rest spread over the others, then softened.
 * @param labels class of each sample, int32, [batch]; -1 where there is none, whose row is uniform
 * @param classes C, 2 at least
 * @returns [batch, classes]
 */
export function virtualTeacher(
  labels: tf.Tensor1D,
  classes: number,
  confidence: number,
  temperature: number,
  softening: Softening,
): tf.Tensor2D {
  return tf.tidy(() => {
    const other = (1 - confidence) / (classes - 1);
    const truth = tf.oneHot(labels, classes).toFloat(); // [batch, classes]
    const logit = (probability: number): number =>
      (softening === "official" ? probability : Math.log(probability)) / temperature;
    const logits = truth.mul(logit(confidence) - logit(other)).add<tf.Tensor2D>(logit(other));
    return tf.logSoftmax(logits);
  });
}
