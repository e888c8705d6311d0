import * as tf from "@tensorflow/tfjs";
import { withGradient } from "../../model/customGradient.ts";

/**
 * The same values, through which no gradient flows: for targets that come from the student's own forward pass.
 * TensorFlow.js has no operation for it.
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  const stopped = withGradient([x], () => ({
    value: x.clone(),
    saved: [],
    gradient: (dy) => [tf.zerosLike(dy)],
  }));
  return stopped as T;
}
