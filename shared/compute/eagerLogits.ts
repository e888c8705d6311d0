import * as tf from "@tensorflow/tfjs";
import type { GivenTensor } from "./predictors/predictor.ts";

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
  const [logits] = eagerOutputs((x) => [forward(x)], inputShape, inputs, rows);
  return logits?.values ?? new Float32Array();
}

/** The same with several outputs. @param forward [rows, ...inputShape] -> tensors of [rows, ...] */
export function eagerOutputs(
  forward: (inputs: tf.Tensor) => readonly tf.Tensor[],
  inputShape: readonly number[],
  inputs: Float32Array,
  rows: number,
): GivenTensor[] {
  let given: GivenTensor[] = [];
  // Nothing is returned from tidy(): it would search the arrays for tensors, element by element.
  tf.tidy(() => {
    // A copy: the cpu backend would go on reading the caller's array.
    given = forward(tf.tensor(inputs.slice(), [rows, ...inputShape])).map((tensor) => ({
      shape: tensor.shape,
      values: Float32Array.from(tensor.dataSync()),
    }));
  });
  return given;
}
