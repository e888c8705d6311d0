import * as tf from "@tensorflow/tfjs";

/** 1 at the largest number of each row; ties share it: [batch, classes] -> [batch, classes]. */
export function firstChoices(scores: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const first = scores.greaterEqual(scores.max(-1, true)).toFloat();
    return first.div(first.sum(-1, true));
  });
}
