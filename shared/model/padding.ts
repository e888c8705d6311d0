import * as tf from "@tensorflow/tfjs";
import { firstShape, tensorsOf } from "./layerInputs.ts";

/** The token id that fills a row up to its length. */
export const PADDING = 0;

/** Taken from the scores of padding: far more than any, and finite, as a row of padding alone must not become NaN. */
const NEVER = 1e9;

/** 1 where there is a token, 0 where there is padding. Input: token ids, [batch, length]. Output: [batch, length]. */
export class TokenMask extends tf.layers.Layer {
  static readonly className = "StillhouseTokenMask";

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [ids] = tensorsOf(inputs);
    return tf.tidy(() => ids.notEqual(PADDING).toFloat());
  }
}

/**
 * What attention adds to its scores: 0 for a token, and for padding a number that leaves it no share.
 * Input: a TokenMask, [batch, length]. Output: [batch, 1, 1, length].
 */
export class AttentionBias extends tf.layers.Layer {
  static readonly className = "StillhouseAttentionBias";

  override computeOutputShape(shapes: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, length] = firstShape(shapes) as [null, number];
    return [batch, 1, 1, length];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [mask] = tensorsOf(inputs);
      const [batch, length] = mask.shape as [number, number];
      return mask.sub(1).mul(NEVER).reshape([batch, 1, 1, length]);
    });
  }
}

/**
 * Mean over the tokens of each row; 0 for a row without any.
 * Inputs: [batch, length, width]; a TokenMask, [batch, length]. Output: [batch, width].
 */
export class TokenMean extends tf.layers.Layer {
  static readonly className = "StillhouseTokenMean";

  override computeOutputShape(shapes: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, , width] = firstShape(shapes) as [null, number, number];
    return [batch, width];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [x, mask] = tensorsOf(inputs) as [tf.Tensor, tf.Tensor];
      const [batch, length, width] = x.shape as [number, number, number];
      const shares = mask.div(mask.sum(-1, true).maximum(1)); // [batch, length]
      return tf.matMul(shares.reshape([batch, 1, length]), x).reshape([batch, width]);
    });
  }
}
