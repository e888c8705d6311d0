import * as tf from "@tensorflow/tfjs";
import { same, smoothL1 } from "./pairs.ts";

/** The smallest squared distance, so that two samples in one place have a gradient. */
const EPSILON = 1e-12;

/**
 * Relational KD (Park et al. 2019), distances: smooth L1 of the pairs' distances, each side's divided by their mean.
 * @param student products of pairs, [batch, batch]; `centredGram` of features keeps the digits
 * @param teacher the same of the teacher; outside of the gradient
 * @param known 1 where the teacher's product is known; absent: everywhere. Means are over known pairs, a sample with
 * itself among them, as the authors' code has it
 * @returns scalar; 0 where the distances are equal up to a factor
 */
export function rkdDistance(student: tf.Tensor2D, teacher: tf.Tensor2D, known?: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const others = otherPairs(student.shape[0], known);
    const counted = tf.maximum(others.sum(), 1);
    const scaled = (gram: tf.Tensor2D): tf.Tensor => {
      const distances = distancesOf(gram).mul(others);
      return distances.div(distances.sum().div(counted).add(EPSILON));
    };
    const all = known ? known.sum() : tf.scalar(student.size);
    return smoothL1(scaled(student).sub(scaled(teacher)))
      .sum()
      .div(tf.maximum(all, 1))
      .asScalar();
  });
}

/**
 * Relational KD, angles: smooth L1 of the cosines at sample i between the directions to j and k, over all triplets.
 * Their number is a cube, so of more rows than `most` the first take part: a batch is shuffled.
 *
 *   cos_ijk = (G_jk - G_ij - G_ik + G_ii) / (d_ij d_ik),   0 where j or k is i
 *
 * @param known as for the distances; a triplet counts where its three pairs are known
 * @returns scalar
 */
export function rkdAngle(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  known?: tf.Tensor2D,
  most = 128,
): tf.Scalar {
  return tf.tidy(() => {
    const rows = Math.min(student.shape[0], most);
    // Sliced at any size: a step is recorded alike for every batch.
    const first = (pairs: tf.Tensor2D): tf.Tensor2D => pairs.slice([0, 0], [rows, rows]);
    const others = otherPairs(rows, known && first(known));
    const losses = smoothL1(cosinesOf(first(student), others).sub(cosinesOf(first(teacher), others)));
    if (!known) return losses.mean().asScalar();
    const pairs = first(known);
    const triplets = pairs.expandDims(2).mul(pairs.expandDims(1)).mul(pairs.expandDims(0));
    return losses.mul(triplets).sum().div(tf.maximum(triplets.sum(), 1)).asScalar();
  });
}

/** Known pairs of two samples: [rows, rows]. */
function otherPairs(rows: number, known?: tf.Tensor2D): tf.Tensor {
  const others = tf.sub(1, same(rows));
  return known ? others.mul(known) : others;
}

/** Distances of pairs from their products, [rows, rows]; of a sample with itself nearly 0. */
function distancesOf(gram: tf.Tensor2D): tf.Tensor {
  const squares = gram.mul(same(gram.shape[0])).sum(1); // [rows]
  const between = squares.expandDims(1).add(squares.expandDims(0)).sub(gram.mul(2));
  return tf.maximum(between, EPSILON).sqrt();
}

function cosinesOf(gram: tf.Tensor2D, others: tf.Tensor): tf.Tensor {
  const squares = gram.mul(same(gram.shape[0])).sum(1); // [rows]
  const products = gram
    .expandDims(0)
    .sub(gram.expandDims(2))
    .sub(gram.expandDims(1))
    .add(squares.reshape([-1, 1, 1])); // [i, j, k]
  const inverse = others.div(distancesOf(gram)); // [i, j]
  return products.mul(inverse.expandDims(2)).mul(inverse.expandDims(1));
}
