import type * as tf from "@tensorflow/tfjs";
import { asMap, poolingTo } from "./mapShapes.ts";

/** A map as [batch, height, width, channels]: a sequence, [batch, length, numbers], is one place wide. Undefined for a vector. */
export function mapOf(features: tf.Tensor): tf.Tensor4D | undefined {
  const map = asMap(features.shape.slice(1));
  return map && features.reshape([features.shape[0] as number, ...map]);
}

/** Averages over windows of `tall` x `wide` places: [batch, h, w, c] -> [batch, h / tall, w / wide, c]. */
export function averaged(map: tf.Tensor4D, tall: number, wide: number): tf.Tensor4D {
  if (tall === 1 && wide === 1) return map;
  const [batch, height, width, channels] = map.shape;
  // Axis by axis, as a shape of six axes has no kernel of its own everywhere.
  const rows = map.reshape([batch * (height / tall), tall, width * channels]).mean(1); // [batch * h / tall, w * c]
  const columns = rows.reshape([batch * (height / tall) * (width / wide), wide, channels]).mean(1);
  return columns.reshape([batch, height / tall, width / wide, channels]);
}

/** Two maps at the smaller one's size. A plan has found that one is a multiple of the other. */
export function sameSize(a: tf.Tensor4D, b: tf.Tensor4D): [tf.Tensor4D, tf.Tensor4D] {
  const shrunk = (map: tf.Tensor4D, to: tf.Tensor4D): tf.Tensor4D => {
    const factor = poolingTo(map.shape.slice(1), to.shape.slice(1)) ?? 1;
    return averaged(map, factor, map.shape[2] === 1 ? 1 : factor);
  };
  return [shrunk(a, b), shrunk(b, a)];
}

/** What a regressor takes of a student's features to be compared with a teacher's: both at one size, or both vectors. */
export function comparable(student: tf.Tensor, teacher: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const [ours, theirs] = [mapOf(student), mapOf(teacher)];
  if (ours && theirs) return sameSize(ours, theirs);
  if (ours) return [ours.mean([1, 2]), teacher];
  return [student, teacher];
}

/** Rows of numbers: [batch, ...] -> [batch, size]. */
export function flatRows(features: tf.Tensor): tf.Tensor2D {
  return features.reshape([features.shape[0] as number, -1]);
}
