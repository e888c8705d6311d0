import * as tf from "@tensorflow/tfjs";

/** Inside roots: a map that is zero everywhere has a direction and a gradient. */
const EPSILON = 1e-12;

/** Where a map is active: the mean of the squares over its channels, [batch, h, w, c] -> [batch, h, w]. */
export function activity(map: tf.Tensor4D): tf.Tensor3D {
  return tf.tidy(() => map.square().mean(-1));
}

/**
 * Attention transfer (Zagoruyko, Komodakis 2017) between maps of one size, flattened to rows of length 1.
 *
 *   official, as the authors' code: mean over all places of (a_s - a_t)^2
 *   principled, as the paper's equation without beta / 2: mean over the samples of |a_s - a_t|
 *
 * @param student activity of the student's map, [batch, h, w]
 * @param teacher of the teacher's, of the same shape; outside of the gradient
 * @returns scalar; 0 where they are equal
 */
export function attentionTransfer(
  student: tf.Tensor3D,
  teacher: tf.Tensor3D,
  variant: "official" | "principled",
): tf.Scalar {
  return tf.tidy(() => {
    const squares = unitRows(student).sub(unitRows(teacher)).square(); // [batch, h * w]
    if (variant === "official") return squares.mean().asScalar();
    return squares.sum(1).add(EPSILON).sqrt().mean().asScalar();
  });
}

function unitRows(map: tf.Tensor3D): tf.Tensor2D {
  const rows = map.reshape([map.shape[0], -1]) as tf.Tensor2D;
  return rows.div(rows.square().sum(1, true).add(EPSILON).sqrt());
}
