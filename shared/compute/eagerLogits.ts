import * as tf from "@tensorflow/tfjs";

/**
 * Logits of at most as many rows as fit at once, by TensorFlow.js's current backend.
 * @param forward [rows, ...inputShape] -> [rows, classes]
 */
export function eagerLogits(
  forward: (inputs: tf.Tensor) => tf.Tensor,
  inputShape: readonly number[],
  inputs: Float32Array,
  rows: number,
): Float32Array {
  let logits = new Float32Array();
  // Nothing is returned from tidy(): it would search the array for tensors, element by element.
  tf.tidy(() => {
    // A copy: the cpu backend would go on reading the caller's array.
    logits = forward(tf.tensor(inputs.slice(), [rows, ...inputShape]))
      .dataSync()
      .slice() as Float32Array<ArrayBuffer>;
  });
  return logits;
}
