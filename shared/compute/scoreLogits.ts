/**
 * Cross-entropy (nats) and accuracy of logits; samples without a label are left out.
 * @param logits [samples, classes], row-major
 * @param labels [samples], -1 where there is none
 */
export function scoreLogits(
  logits: Float32Array,
  labels: Int32Array,
  classes: number,
): { loss: number; accuracy: number } {
  let loss = 0;
  let right = 0;
  let counted = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    if (label < 0) continue;
    const row = logits.subarray(i * classes, (i + 1) * classes);
    let top = 0;
    for (let c = 1; c < classes; c++) if ((row[c] as number) > (row[top] as number)) top = c;
    const max = row[top] as number;
    let sum = 0;
    for (const value of row) sum += Math.exp(value - max);
    loss += max + Math.log(sum) - (row[label] as number);
    if (top === label) right++;
    counted++;
  }
  return { loss: loss / counted, accuracy: right / counted };
}
