import * as tf from "@tensorflow/tfjs";
import { withGradient } from "./customGradient.ts";
import { lastSize, tensorsOf } from "./layerInputs.ts";
import { WeightedLayer } from "./weightedLayer.ts";

const EPSILON = 1e-5;

/**
 * Layer normalisation (Ba, Kiros, Hinton 2016) over the last axis:
 *
 *   y = gamma (x - mean) / sqrt(variance + 1e-5) + beta
 *
 * Input and output: [batch, ..., width].
 */
export class LayerNorm extends WeightedLayer {
  static readonly className = "StillhouseLayerNorm";

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const shape = [lastSize(inputShape)];
    this.makeWeight("gamma", shape);
    this.makeWeight("beta", shape);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x] = tensorsOf(inputs);
    return tf.tidy(() => normaliseLast(x, this.weight("gamma").read(), this.weight("beta").read()));
  }
}

/** The gradient is written out: derived kernel by kernel it goes over memory far more often. */
function normaliseLast(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const leading = x.shape.slice(0, -1).map((_, axis) => axis);
  return withGradient([x, gamma, beta], () => {
    const centred = x.sub(x.mean(-1, true));
    const scale = centred.square().mean(-1, true).add(EPSILON).rsqrt(); // [batch, ..., 1]
    const normed = centred.mul(scale);
    return {
      value: normed.mul(gamma).add(beta),
      saved: [normed, scale, gamma],
      gradient: (dy, saved) => {
        const [normed, scale, gamma] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const dNormed = dy.mul(gamma);
        const along = dNormed.mul(normed).mean(-1, true); // [batch, ..., 1]
        const dx = dNormed.sub(dNormed.mean(-1, true)).sub(normed.mul(along)).mul(scale);
        return [dx, dy.mul(normed).sum(leading), dy.sum(leading)];
      },
    };
  });
}
