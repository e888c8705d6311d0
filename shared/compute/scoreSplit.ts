import type * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/dataset.ts";
import { gatherLabels } from "../data/gather.ts";
import { predictLogits } from "./predictLogits.ts";

/** Cross-entropy (nats) and accuracy of a model on the samples `ids`; those without a label are left out. */
export function scoreSplit(
  model: tf.LayersModel,
  dataset: Dataset,
  ids: Uint32Array,
): { loss: number; accuracy: number } {
  const logits = predictLogits(model, dataset, ids);
  const labels = gatherLabels(dataset, ids);
  const { classes } = dataset;
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
