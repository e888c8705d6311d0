import type { LabelQuality } from "./reportSchema.ts";
import { checkFinite } from "./rows.ts";
import { logSoftmax, topClasses } from "./softmax.ts";

export interface LabelledBlock {
  /** [rows, classes], row-major; logits or log-probabilities */
  readonly logits: Float32Array;
  /** [rows]; below 0: not known */
  readonly labels: Int32Array;
}

/**
 * How a teacher's labels look on some samples: the mean probability of the true class and the share of right
 * predictions, both over the samples whose class is known, and the mean entropy -sum p log p over all, in nats.
 * @param blocks the samples, in pieces that fit into memory
 * @throws MetricInputError for a logit that is not finite
 */
export async function labelQuality(
  blocks: AsyncIterable<LabelledBlock> | Iterable<LabelledBlock>,
  classes: number,
): Promise<LabelQuality> {
  let [samples, known, ofTrueClass, right, entropy] = [0, 0, 0, 0, 0];
  for await (const { logits, labels } of blocks) {
    checkFinite(logits, classes);
    const logP = logSoftmax(logits, classes);
    const predicted = topClasses(logits, classes);
    samples += labels.length;
    for (const value of logP) entropy -= Math.exp(value) * value;
    labels.forEach((label, row) => {
      if (label < 0) return;
      known++;
      ofTrueClass += Math.exp(logP[row * classes + label] as number);
      if (predicted[row] === label) right++;
    });
  }
  return {
    samples,
    known,
    trueClassProbability: known > 0 ? Math.min(1, ofTrueClass / known) : null,
    accuracy: known > 0 ? right / known : null,
    entropy: samples > 0 ? Math.max(0, entropy / samples) : null,
  };
}
