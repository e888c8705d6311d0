import * as tf from "@tensorflow/tfjs";
import { withGradient } from "./customGradient.ts";
import { lastSize, tensorsOf } from "./layerInputs.ts";
import { WeightedLayer } from "./weightedLayer.ts";

const EPSILON = 1e-5;
/** Share of the new in a moving average: trainings here may have only hundreds of steps. */
const FOLLOW = 0.1;

/**
 * Batch normalisation (Ioffe, Szegedy 2015) over all axes but the last:
 *
 *   y = gamma (x - mean) / sqrt(variance + 1e-5) + beta
 *
 * In training, mean and variance (biased) are the batch's, and the moving ones, which no gradient trains, follow them
 * by a tenth of the way; in inference they are the moving ones. Input and output: [batch, ..., channels].
 */
export class BatchNorm extends WeightedLayer {
  static readonly className = "StillhouseBatchNorm";

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const shape = [lastSize(inputShape)];
    this.makeWeight("gamma", shape);
    this.makeWeight("beta", shape);
    this.makeWeight("moving_mean", shape, false);
    this.makeWeight("moving_variance", shape, false);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    return tf.tidy(() => {
      const [x] = tensorsOf(inputs);
      const gamma = this.weight("gamma").read();
      const beta = this.weight("beta").read();
      if (kwargs.training) {
        return normaliseBatch(x, gamma, beta, (mean, variance) => {
          this.follow("moving_mean", mean);
          this.follow("moving_variance", variance);
        });
      }
      const [mean, variance] = [this.weight("moving_mean").read(), this.weight("moving_variance").read()];
      return tf.batchNorm(
        x,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        beta as tf.Tensor1D,
        gamma as tf.Tensor1D,
        EPSILON,
      );
    });
  }

  private follow(name: string, seen: tf.Tensor): void {
    const moving = this.weight(name);
    moving.write(
      moving
        .read()
        .mul(1 - FOLLOW)
        .add(seen.mul(FOLLOW)),
    );
  }
}

/**
 * @param x [batch, ..., channels]
 * @param onMoments is given mean and variance of the batch, [channels], which it must not keep
 * @returns of the shape of `x`
 *
 * The gradient is written out: derived kernel by kernel it goes over memory more than twice as often.
 */
function normaliseBatch(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  onMoments: (mean: tf.Tensor, variance: tf.Tensor) => void,
): tf.Tensor {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  return withGradient([x, gamma, beta], () => {
    const mean = x.mean(axes); // [channels]
    const centred = x.sub(mean);
    const variance = centred.square().mean(axes);
    onMoments(mean, variance);
    const scale = variance.add(EPSILON).rsqrt(); // [channels]
    return {
      value: centred.mul(scale.mul(gamma)).add(beta),
      saved: [centred, scale, gamma],
      gradient: (dy, saved) => {
        const [centred, scale, gamma] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const count = dy.size / scale.size;
        const dBeta = dy.sum(axes);
        const dGamma = dy.mul(centred).sum(axes).mul(scale);
        // dx = gamma scale (dy - mean(dy) - centred scale^2 mean(dy centred)), with the factors of a channel joined.
        const factor = gamma.mul(scale);
        const along = factor.mul(scale).mul(dGamma.div(count));
        const level = factor.mul(dBeta.div(count));
        return [dy.mul(factor).sub(centred.mul(along)).sub(level), dGamma, dBeta];
      },
    };
  });
}
