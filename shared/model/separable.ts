import * as tf from "@tensorflow/tfjs";
import type { ArchSpec } from "../config/archSpec.ts";
import { StillhouseError } from "../errors.ts";
import { BatchNorm } from "./batchNorm.ts";
import { SeededDropout } from "./dropout.ts";

export class SeparableInputShape extends StillhouseError {}

/**
 * A stem of one 3x3 convolution, then blocks of a depthwise 3x3 and a pointwise 1x1 convolution (MobileNet, Howard and
 * others 2017), each convolution without bias and followed by batch normalisation and ReLU; the mean over the image,
 * dropout, the logits.
 * @param inputs [batch, height, width, channels]
 * @returns logits, [batch, classes], all weights zero
 * @throws SeparableInputShape for inputs that are no images
 */
export function separable(
  arch: Extract<ArchSpec, { arch: "separable" }>,
  inputs: tf.SymbolicTensor,
  classes: number,
): tf.SymbolicTensor {
  const shape = inputs.shape.slice(1);
  if (shape.length !== 3) {
    throw new SeparableInputShape(
      `Cannot build a separable net on inputs of shape [${shape}]: it takes [height, width, channels]`,
      { fields: { inputShape: shape } },
    );
  }
  let x = inputs;
  const add = (layer: tf.layers.Layer): void => {
    x = layer.apply(x) as tf.SymbolicTensor;
  };
  const addNormalised = (name: string, convolution: tf.layers.Layer): void => {
    add(convolution);
    add(new BatchNorm({ name: `${name}_norm` }));
    add(tf.layers.reLU({ name: `${name}_relu` }));
  };
  const convolution = (name: string, filters: number, kernelSize: number, strides: number): void =>
    addNormalised(
      name,
      tf.layers.conv2d({
        name,
        filters,
        kernelSize,
        strides,
        padding: "same",
        useBias: false, // the normalisation takes any constant away
        kernelInitializer: "zeros",
      }),
    );
  const depthwise = (name: string, strides: number): void =>
    addNormalised(
      name,
      tf.layers.depthwiseConv2d({
        name,
        kernelSize: 3,
        strides,
        padding: "same",
        useBias: false,
        depthwiseInitializer: "zeros",
      }),
    );

  convolution("stem", arch.stem, 3, arch.stemStride); // [batch, h/stride, w/stride, stem], rounded up
  arch.blocks.forEach(({ channels, stride }, i) => {
    depthwise(`depthwise_${i + 1}`, stride); // [batch, h/stride, w/stride, channels before]
    convolution(`pointwise_${i + 1}`, channels, 1, 1); // [batch, h, w, channels]
  });
  add(tf.layers.globalAveragePooling2d({ name: "pool" })); // [batch, channels]
  if (arch.dropout > 0) add(new SeededDropout({ name: "dropout_1", rate: arch.dropout }));
  add(tf.layers.dense({ name: "logits", units: classes, kernelInitializer: "zeros" })); // [batch, classes]
  return x;
}
