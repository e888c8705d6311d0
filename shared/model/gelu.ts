import * as tf from "@tensorflow/tfjs";
import { withGradient } from "./customGradient.ts";
import { tensorsOf } from "./layerInputs.ts";

/**
 * GELU (Hendrycks, Gimpel 2016) by the error function, not by tanh: x P(X <= x) for a standard normal X, which is
 * x (1 + erf(x / sqrt 2)) / 2. Input and output of any shape.
 */
export class Gelu extends tf.layers.Layer {
  static readonly className = "StillhouseGelu";

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x] = tensorsOf(inputs);
    return tf.tidy(() => gelu(x));
  }
}

/**
 * Few passes over memory, which is what it costs: with u = x / sqrt 2, what is left of constants are a factor of x and
 * one of y, and a compiled graph takes those into the products before and behind.
 */
function gelu(x: tf.Tensor): tf.Tensor {
  return withGradient([x], () => {
    const u = x.mul(Math.SQRT1_2);
    const share = u.erf().mul(0.5).add(0.5); // P(X <= x)
    return {
      value: u.mul(share).mul(Math.SQRT2),
      saved: [u, share],
      gradient: (dy, saved) => {
        const [u, share] = saved as [tf.Tensor, tf.Tensor];
        // dy/dx = P(X <= x) + x density(x), and x density(x) = u exp(-u^2) / sqrt pi.
        const density = tf.sub(-Math.log(Math.PI) / 2, u.square()).exp();
        return [u.mul(density).add(share).mul(dy)];
      },
    };
  });
}
