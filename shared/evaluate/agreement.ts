import { checkSameLength } from "./rows.ts";

export interface Agreement {
  /** Share of rows with the same predicted class. */
  readonly overall: number;
  /** The same among rows where the reference is right; null when there are none. */
  readonly whereRight: number | null;
  /** The same among rows where the reference is wrong, its errors that were copied; null when there are none. */
  readonly whereWrong: number | null;
}

/**
 * How often two models choose the same class, and whether the reference is right there.
 * @param predicted classes of the model, [rows]
 * @param reference classes of the model that it is compared with, [rows]
 */
export function agreement(predicted: Int32Array, reference: Int32Array, labels: Int32Array): Agreement {
  checkSameLength(predicted, reference, "two models' predictions");
  checkSameLength(predicted, labels, "predictions and labels");
  let [right, wrong, sameRight, sameWrong] = [0, 0, 0, 0];
  labels.forEach((label, i) => {
    const same = predicted[i] === reference[i] ? 1 : 0;
    if (reference[i] === label) {
      right++;
      sameRight += same;
    } else {
      wrong++;
      sameWrong += same;
    }
  });
  return {
    overall: (sameRight + sameWrong) / labels.length,
    whereRight: right === 0 ? null : sameRight / right,
    whereWrong: wrong === 0 ? null : sameWrong / wrong,
  };
}
