import type * as tf from "@tensorflow/tfjs";

/** The inputs of a layer's `call`, or their shapes in `build`, as a list of as many as the layer takes. */
export function tensorsOf(inputs: tf.Tensor | tf.Tensor[]): [tf.Tensor, ...tf.Tensor[]] {
  return (Array.isArray(inputs) ? inputs : [inputs]) as [tf.Tensor, ...tf.Tensor[]];
}

/** Shape of the first input of a layer; the batch is null. */
export function firstShape(shapes: tf.Shape | tf.Shape[]): tf.Shape {
  return (Array.isArray(shapes[0]) ? shapes[0] : shapes) as tf.Shape;
}

/** Size of the last axis of a layer's first input. */
export function lastSize(shapes: tf.Shape | tf.Shape[]): number {
  return firstShape(shapes).at(-1) as number;
}
