import * as tf from "@tensorflow/tfjs";

export interface WithGradient {
  readonly value: tf.Tensor;
  /** What `gradient` needs of the forward pass; any other tensor of it is gone by then. */
  readonly saved: readonly tf.Tensor[];
  /** @returns the gradient of each input, in their order */
  gradient(dy: tf.Tensor, saved: readonly tf.Tensor[]): tf.Tensor[];
}

/** Runs `forward`, whose gradient is written out instead of being derived kernel by kernel. */
export function withGradient(inputs: readonly tf.Tensor[], forward: () => WithGradient): tf.Tensor {
  const run = tf.customGrad((...given) => {
    const save = given.at(-1) as tf.GradSaveFunc;
    const { value, saved, gradient } = forward();
    save([...saved]);
    return { value, gradFunc: gradient };
  });
  return run(...inputs);
}
