import * as tf from "@tensorflow/tfjs";
import type { ArchSpec } from "../config/archSpec.ts";
import { StillhouseError } from "../errors.ts";
import { SeededDropout } from "./dropout.ts";

export class CnnInputShape extends StillhouseError {}

/**
 * 3x3 convolutions with ReLU, each followed by a 2x2 max pool; a dense layer with ReLU, dropout, the logits.
 * @param inputs [batch, height, width, channels]
 * @returns logits, [batch, classes], all weights zero
 * @throws CnnInputShape for inputs that are no images, or images too small for that many halvings
 */
export function cnn(
  arch: Extract<ArchSpec, { arch: "cnn" }>,
  inputs: tf.SymbolicTensor,
  classes: number,
): tf.SymbolicTensor {
  const shape = inputs.shape.slice(1) as number[];
  const [height = 0, width = 0] = shape;
  const smallest = 2 ** arch.channels.length;
  if (shape.length !== 3 || Math.min(height, width) < smallest) {
    throw new CnnInputShape(
      `Cannot build a cnn with ${arch.channels.length} convolutions (channels) on inputs of shape [${shape}]: it takes [height, width, channels] with height and width of ${smallest} or more`,
      { fields: { channels: arch.channels, inputShape: shape } },
    );
  }
  let x = inputs;
  const add = (layer: tf.layers.Layer): void => {
    x = layer.apply(x) as tf.SymbolicTensor;
  };
  arch.channels.forEach((filters, i) => {
    add(
      tf.layers.conv2d({
        name: `conv_${i + 1}`,
        filters,
        kernelSize: 3,
        padding: "same",
        activation: "relu",
        kernelInitializer: "zeros",
      }), // [batch, h, w, filters]
    );
    add(tf.layers.maxPooling2d({ name: `pool_${i + 1}`, poolSize: 2, strides: 2 })); // [batch, h/2, w/2, filters]
  });
  add(tf.layers.flatten({ name: "flatten" }));
  add(
    tf.layers.dense({
      name: "dense_1",
      units: arch.dense,
      activation: "relu",
      kernelInitializer: "zeros",
    }), // [batch, dense]
  );
  if (arch.dropout > 0) add(new SeededDropout({ name: "dropout_1", rate: arch.dropout }));
  add(tf.layers.dense({ name: "logits", units: classes, kernelInitializer: "zeros" })); // [batch, classes]
  return x;
}
