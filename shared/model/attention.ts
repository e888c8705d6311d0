import * as tf from "@tensorflow/tfjs";
import { withGradient } from "./customGradient.ts";
import { firstShape, tensorsOf } from "./layerInputs.ts";

/**
 * Multi-head attention (Vaswani and others 2017) of each token to the tokens of its own row, without the projections
 * around it:
 *
 *   softmax(Q K^T / sqrt(width / heads) + bias) V, for each head
 *
 * Inputs: queries, keys and values side by side, [batch, length, 3 width]; what is added to the scores,
 * [batch, 1, 1, length]. Output: [batch, length, width].
 */
export class SelfAttention extends tf.layers.Layer {
  static readonly className = "StillhouseSelfAttention";
  private readonly heads: number;

  constructor(config: { name: string; heads: number }) {
    super({ name: config.name });
    this.heads = config.heads;
  }

  override computeOutputShape(shapes: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, length, together] = firstShape(shapes) as [null, number, number];
    return [batch, length, together / 3];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [joined, bias] = tensorsOf(inputs) as [tf.Tensor, tf.Tensor];
      const [batch, length, together] = joined.shape as [number, number, number];
      const { heads } = this;
      const width = together / 3;
      const size = width / heads;
      const parts = joined
        .reshape([batch, length, 3, heads, size])
        .transpose([2, 0, 3, 1, 4]) // [3, batch, heads, length, size]
        .reshape([3 * batch, heads, length, size]);
      const [queries, keys, values] = tf.split(parts, 3) as [tf.Tensor, tf.Tensor, tf.Tensor];
      // Queries are fewer numbers than scores wherever a row is longer than a head is wide.
      const context = attend(queries.mul(size ** -0.5), keys, values, bias); // [batch, heads, length, size]
      return context.transpose([0, 2, 1, 3]).reshape([batch, length, width]);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), heads: this.heads };
  }
}

/**
 * softmax(Q K^T + bias) V. The gradient is written out: the softmax's needs, for each row of shares P,
 * sum(dP P) = sum(dy context), which is a sum over a head's width instead of the length (Dao and others 2022).
 */
function attend(queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return withGradient([queries, keys, values], () => {
    const shares = tf.softmax(tf.matMul(queries, keys, false, true).add(bias)); // [batch, heads, length, length]
    const context = tf.matMul(shares, values);
    return {
      value: context,
      saved: [queries, keys, values, shares, context],
      gradient: (dy, saved) => {
        const [queries, keys, values, shares, context] = saved as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
        ];
        const dShares = tf.matMul(dy, values, false, true);
        const dScores = shares.mul(dShares.sub(dy.mul(context).sum(-1, true)));
        return [
          tf.matMul(dScores, keys),
          tf.matMul(dScores, queries, true, false),
          tf.matMul(shares, dy, true, false),
        ];
      },
    };
  });
}
