import * as tf from "@tensorflow/tfjs";
import type { EnsembleRule } from "./ensemble.ts";
import { weightedSum } from "./weightedShares.ts";

/** Mean of the numbers that teachers give: sum_k w_k v_k, [batch, outputs]. A temperature means nothing here. */
export const meanOfValues: EnsembleRule = (said) => weightedSum(said, (values) => values);

/**
 * Median of the numbers that teachers give, each output by itself; of an even number of teachers the mean of the two in
 * the middle. One teacher that is far off moves it little.
 */
export const medianOfValues: EnsembleRule = ({ logits, present }) =>
  tf.tidy(() => {
    if (present) throw new RangeError("Cannot take a median of teachers of which some said nothing");
    const sorted = [...logits];
    const count = sorted.length;
    // Neighbours change places, in as many rounds as there are teachers: an odd-even transposition sort.
    for (let round = 0; round < count; round++) {
      for (let k = round % 2; k + 1 < count; k += 2) {
        const [a, b] = [sorted[k] as tf.Tensor2D, sorted[k + 1] as tf.Tensor2D];
        sorted[k] = tf.minimum(a, b);
        sorted[k + 1] = tf.maximum(a, b);
      }
    }
    const low = sorted[Math.floor((count - 1) / 2)] as tf.Tensor2D;
    const high = sorted[Math.floor(count / 2)] as tf.Tensor2D;
    return low.add(high).mul<tf.Tensor2D>(0.5); // [batch, outputs]
  });
