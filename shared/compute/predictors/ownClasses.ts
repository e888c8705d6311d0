import { HALF_MAX } from "../../labels/half.ts";
import type { Predictor } from "./predictor.ts";

/** What stands in labels for a class that a teacher does not know: the lowest number of every encoding. */
export const UNKNOWN_LOGIT = -HALF_MAX;

/**
 * A predictor of a part of the classes as one of all: its outputs go to their classes, and the others are
 * `UNKNOWN_LOGIT`.
 * @param known class of the data of each output
 */
export function spreadClasses(predictor: Predictor, known: readonly number[], classes: number): Predictor {
  const spread = (logits: Float32Array, rows: number): Float32Array => {
    const out = new Float32Array(rows * classes).fill(UNKNOWN_LOGIT);
    for (let row = 0; row < rows; row++) {
      known.forEach((c, i) => {
        out[row * classes + c] = logits[row * known.length + i] as number;
      });
    }
    return out;
  };
  const { inputShape, predictWithFeatures } = predictor;
  return {
    inputShape,
    classes,
    predict: async (inputs, rows) => spread(await predictor.predict(inputs, rows), rows),
    ...(predictWithFeatures && {
      predictWithFeatures: async (inputs: Float32Array, rows: number) => {
        const given = await predictWithFeatures.call(predictor, inputs, rows);
        return { ...given, logits: spread(given.logits, rows) };
      },
    }),
    close: () => predictor.close(),
  };
}
