import { decodeRow, encodeLogits } from "../labels/encoding.ts";
import { NOTHING, type Reading } from "../labels/reading.ts";
import type { rowDraws } from "../labels/rowDraws.ts";
import type { StoredEncoding } from "../protocol/storedEncoding.ts";
import { checkSameLength } from "./rows.ts";
import { logSoftmax } from "./softmax.ts";

/** How far what students read is from what a teacher said, means over samples. */
export interface StorageLoss {
  /** KL(teacher, read), nats a sample; null: infinite, as classes that the teacher gives a probability have none. */
  readonly kl: number | null;
  /** KL(read, teacher), nats a sample. */
  readonly reverseKl: number;
}

/**
 * What storing logits in an encoding loses, as a student reads them: they are stored and read back.
 * @param logits [rows, classes]
 */
export function storageLoss(
  encoding: StoredEncoding,
  logits: Float32Array,
  classes: number,
  reading: Reading,
  draws: ReturnType<typeof rowDraws>,
): StorageLoss {
  const bytes = encodeLogits(encoding, logits, classes, "the probe", draws);
  const rows = logits.length / classes;
  const decoded = new Float32Array(logits.length);
  for (let row = 0; row < rows; row++) {
    decodeRow(encoding, bytes, (row * bytes.byteLength) / rows, classes, decoded, row, reading);
  }
  const at = (values: Float32Array): Float64Array =>
    logSoftmax(
      values.map((value) => value / reading.temperature),
      classes,
    );
  const [said, read] = [at(logits), at(decoded)];
  return { kl: divergence(said, read, rows), reverseKl: divergence(read, said, rows) ?? Number.NaN };
}

/** Mean of sum_c p (log p - log q); null where a class that counts has none of q. */
function divergence(logP: Float64Array, logQ: Float64Array, rows: number): number | null {
  checkSameLength(logP, logQ, "what was said and what is read");
  let sum = 0;
  for (let i = 0; i < logP.length; i++) {
    const [p, q] = [Math.exp(logP[i] as number), logQ[i] as number];
    if (p === 0) continue;
    if (q < NOTHING / 2) return null;
    sum += p * ((logP[i] as number) - q);
  }
  // Rounding may leave a little less than nothing.
  return Math.max(0, sum / rows);
}
