import * as tf from "@tensorflow/tfjs";
import { crossEntropy } from "./crossEntropy.ts";
import { forwardKl } from "./forwardKl.ts";

export interface Exit {
  /** [batch, classes]. */
  readonly logits: tf.Tensor2D;
  /** Of one shape in the exit and the deepest, [batch, ...]. */
  readonly features: tf.Tensor;
}

export interface ExitWeights {
  readonly truth: number;
  readonly logits: number;
  readonly features: number;
}

/**
 * Be your own teacher (Zhang et al. 2019), the loss of one early exit: it learns from labels and from the deepest exit.
 *
 *   L = 0.7 CE(y) + 0.3 KL(p, q) + 0.03 mean_b |F - F_deepest|^2,   p = softmax(deepest), q = softmax(exit)
 *
 * @param exit of the student, its features already projected to the deepest one's width
 * @param deepest through `stopGradient`, as an exit must not drag the deepest down
 * @param labels int32, [batch]; -1 where there is none
 * @returns scalar
 */
export function byotExit(
  exit: Exit,
  deepest: Exit,
  labels: tf.Tensor1D,
  weights: ExitWeights = { truth: 0.7, logits: 0.3, features: 0.03 },
): tf.Scalar {
  return tf.tidy(() => {
    const squares = exit.features.sub(deepest.features).square();
    return crossEntropy(exit.logits, labels)
      .mul(weights.truth)
      .add(forwardKl(exit.logits, tf.logSoftmax(deepest.logits), 1).mul(weights.logits))
      .add(squares.sum().div(exit.logits.shape[0]).mul(weights.features))
      .asScalar();
  });
}
