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

function gelu(x: tf.Tensor): tf.Tensor {
  return withGradient([x], () => {
    const twiceShare = x.mul(Math.SQRT1_2).erf().add(1); // 2 P(X <= x)
    return {
      value: x.mul(twiceShare).mul(0.5),
      saved: [x, twiceShare],
      gradient: (dy, saved) => {
        const [x, twiceShare] = saved as [tf.Tensor, tf.Tensor];
        // Twice the density, sqrt(2 / pi) exp(-x^2 / 2), with its factor inside the exponent.
        const twiceDensity = x
          .square()
          .mul(-0.5)
          .add(Math.log(2 / Math.PI) / 2)
          .exp();
        return [x.mul(twiceDensity).add(twiceShare).mul(dy).mul(0.5)];
      },
    };
  });
}
