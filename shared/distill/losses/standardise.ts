import * as tf from "@tensorflow/tfjs";

/** `official`: the sample deviation, as the authors' code has it; `principled`: the population's. */
export type Deviation = "official" | "principled";

/** Beside the deviation, so that a row of equal logits is divided by something. */
const EPSILON = 1e-7;

/**
 * Z-scores of each row (Sun et al. 2024, logit standardisation): the student need not match how large the teacher's
 * logits are, only how they compare. Log-probabilities and logits give the same, as a shift of a row is taken off.
 *
 *   (z - mean_c z) / (sd_c z + 1e-7)
 *
 * @param logits [batch, classes], of 2 classes or more
 * @returns [batch, classes]
 */
export function standardise(logits: tf.Tensor2D, deviation: Deviation): tf.Tensor2D {
  return tf.tidy(() => {
    const centred = logits.sub(logits.mean(-1, true)); // [batch, classes]
    const divisor = deviation === "official" ? logits.shape[1] - 1 : logits.shape[1];
    // The epsilon under the root is too small to count, and keeps its gradient finite at 0.
    const sd = centred.square().sum(-1, true).div(divisor).add(1e-20).sqrt(); // [batch, 1]
    return centred.div(sd.add(EPSILON));
  });
}
