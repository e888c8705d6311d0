import * as tf from "@tensorflow/tfjs";
import type { Latency } from "../shared/evaluate/reportSchema.ts";

const WARM_UP = 20;
const RUNS = 200;
const BATCH = 128;
const BATCH_RUNS = 30;

/** Time of a prediction on this machine now, from input values to logits in memory. */
export function measureLatency(
  model: tf.LayersModel,
  inputShape: readonly number[],
): Omit<Latency, "backend"> {
  const alone = timesMs(model, inputShape, 1, RUNS);
  const together = timesMs(model, inputShape, BATCH, BATCH_RUNS);
  return {
    batch1: { p50: quantile(alone, 0.5), p99: quantile(alone, 0.99) },
    perSampleAtBatch: { batch: BATCH, ms: quantile(together, 0.5) / BATCH },
  };
}

/** Sorted. */
function timesMs(
  model: tf.LayersModel,
  inputShape: readonly number[],
  batch: number,
  runs: number,
): number[] {
  const shape = [batch, ...inputShape];
  const values = new Float32Array(tf.util.sizeFromShape(shape)).fill(0.5);
  const times: number[] = [];
  for (let run = -WARM_UP; run < runs; run++) {
    const startedAt = performance.now();
    tf.tidy(() => {
      (model.apply(tf.tensor(values, shape), { training: false }) as tf.Tensor).dataSync();
    });
    if (run >= 0) times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b);
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
}
