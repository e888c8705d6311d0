import type { Predictor } from "../shared/compute/predictors/predictor.ts";
import type { Latency } from "../shared/evaluate/reportSchema.ts";

const WARM_UP = 20;
const RUNS = 200;
const BATCH = 128;
const BATCH_RUNS = 30;

/** Time of a prediction on this machine now, from input values to logits in memory. */
export async function measureLatency(predictor: Predictor): Promise<Omit<Latency, "backend">> {
  const alone = await timesMs(predictor, 1, RUNS);
  const together = await timesMs(predictor, BATCH, BATCH_RUNS);
  return {
    batch1: { p50: quantile(alone, 0.5), p99: quantile(alone, 0.99) },
    perSampleAtBatch: { batch: BATCH, ms: quantile(together, 0.5) / BATCH },
  };
}

/** Sorted. */
async function timesMs(predictor: Predictor, batch: number, runs: number): Promise<number[]> {
  const size = predictor.inputShape.reduce((product, n) => product * n, batch);
  const values = new Float32Array(size).fill(0.5);
  const times: number[] = [];
  for (let run = -WARM_UP; run < runs; run++) {
    const startedAt = performance.now();
    await predictor.predict(values, batch);
    if (run >= 0) times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b);
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
}
