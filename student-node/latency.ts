import type { Predictor } from "../shared/compute/predictors/predictor.ts";
import type { Latency } from "../shared/evaluate/reportSchema.ts";
import type { AnyEvaluation, JobKey } from "../shared/protocol/jobs.ts";

const WARM_UP = 20;
const RUNS = 200;
const BATCH = 128;
const BATCH_RUNS = 30;

/** How fast the students of a run are: of each its first seed. */
export class Latencies {
  readonly #backend: string;
  readonly #found: AnyEvaluation["latencies"] = [];

  constructor(backend: string) {
    this.#backend = backend;
  }

  /** Measures a student, unless another seed of it has been, or it is a baseline. */
  async take({ kind, student }: JobKey, predictor: Predictor): Promise<void> {
    if (kind !== "student" || this.#found.some((one) => one.student === student)) return;
    const latency = await measured(predictor, this.#backend);
    this.#found.push({ ...(student !== undefined && { student }), latency });
  }

  /** @throws RangeError where no student was measured */
  get found(): AnyEvaluation["latencies"] {
    if (this.#found.length > 0) return this.#found;
    throw new RangeError("Cannot evaluate a run without a student: its list of models has none");
  }
}

/** Time of a prediction on this machine now, from input values to logits in memory. */
async function measured(predictor: Predictor, backend: string): Promise<Latency> {
  const alone = await timesMs(predictor, 1, RUNS);
  const together = await timesMs(predictor, BATCH, BATCH_RUNS);
  return {
    backend,
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
