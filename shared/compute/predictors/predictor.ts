import { StillhouseError } from "../../errors.ts";

/** A model in inference mode, of whatever origin. */
export interface Predictor {
  /** Without the batch. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /**
   * @param inputs [rows, ...sample], row-major, in the data's natural range: [0, 1] for images
   * @returns logits, [rows, classes]; not checked for NaN
   * @throws InputShapeMismatch when a sample has not as many numbers as the model takes
   */
  predict(inputs: Float32Array, rows: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Samples of the wrong size for a model. */
export class InputShapeMismatch extends StillhouseError {}

/** Rows that go through a model at once, which bounds its memory. */
export const ROWS_AT_ONCE = 512;

/**
 * Predicts in slices of at most ROWS_AT_ONCE rows. Samples are reshaped to the model's input where the number of
 * values agrees: [784] fits [28, 28, 1].
 * @param predict [rows, ...inputShape] -> [rows, classes]
 * @throws InputShapeMismatch
 */
export async function predictInSlices(
  inputs: Float32Array,
  rows: number,
  { inputShape, classes }: Pick<Predictor, "inputShape" | "classes">,
  predict: (inputs: Float32Array, rows: number) => Promise<Float32Array>,
): Promise<Float32Array> {
  const size = inputShape.reduce((product, n) => product * n, 1);
  if (inputs.length !== rows * size) {
    throw new InputShapeMismatch(
      `Cannot predict ${rows} samples of ${inputs.length / rows} numbers each: the model takes inputs of shape [${inputShape.join(", ")}], which is ${size} numbers`,
      { fields: { rows, numbers: inputs.length, inputShape } },
    );
  }
  if (rows <= ROWS_AT_ONCE) return predict(inputs, rows);
  const logits = new Float32Array(rows * classes);
  for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
    const to = Math.min(from + ROWS_AT_ONCE, rows);
    logits.set(await predict(inputs.subarray(from * size, to * size), to - from), from * classes);
  }
  return logits;
}
