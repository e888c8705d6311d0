import * as tf from "@tensorflow/tfjs";
import type { EnsembleRule } from "./ensemble.ts";
import { softenedShares, weightedSum } from "./weightedShares.ts";

/**
 * Borda counts: a class gets a point for each class that a teacher ranks below it, and half a point where two tie; the
 * points are made shares. It compares all pairs of classes, so its memory grows with their square.
 */
export const rank: EnsembleRule = (said, temper) =>
  tf.tidy(() => {
    const points = weightedSum(said, bordaPoints); // [batch, classes]
    const all = points.sum(-1, true);
    // Nobody gives no points.
    return softenedShares(points.div(said.present ? tf.maximum(all, 1e-12) : all), temper);
  });

/** From 0 for the last to classes - 1 for the first of each row: [batch, classes]. */
export function bordaPoints(logits: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const [own, other] = [logits.expandDims(2), logits.expandDims(1)]; // [batch, classes, 1] and [batch, 1, classes]
    const above = own.greater(other).toFloat();
    const level = own.greaterEqual(other).toFloat();
    // Half of (above + level) counts a tie as a half, and each class as level with itself.
    return above.add(level).sum(-1).mul(0.5).sub<tf.Tensor2D>(0.5);
  });
}
