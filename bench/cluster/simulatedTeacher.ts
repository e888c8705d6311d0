import { setTimeout as sleep } from "node:timers/promises";
import { rng } from "../../shared/determinism/rng.ts";
import type { TeacherCompute, TeacherToLoad, TrainedModel } from "../../teacher-node/compute.ts";

/** Rows for which answers are drawn: those of a chunk. */
export interface Answers {
  readonly rows: number;
  readonly classes: number;
}

/**
 * A device that computes nothing and takes its time: one chunk after the other, each for a service time. Its answers are
 * drawn once, and are the same of every teacher and chunk, so that all the time it costs a processor is the engine's.
 */
export class SimulatedTeacher implements TeacherCompute {
  readonly #logits: Float32Array;
  readonly #answers: Answers;
  readonly #nextMs: () => number;
  /** When the device is done with what it was given. */
  #freeAt = 0;

  /** @param nextMs service time of a whole chunk */
  constructor(answers: Answers, nextMs: () => number) {
    this.#answers = answers;
    this.#nextMs = nextMs;
    this.#logits = simulatedLogits(answers);
  }

  async backend(): Promise<{ name: string; version: string }> {
    return { name: "simulated", version: "1" };
  }

  async openData(): Promise<void> {}

  async load(_teacher: TeacherToLoad): Promise<null> {
    return null;
  }

  async unload(): Promise<void> {}

  async predict(_labelling: string, _data: string, _shard: number, rows: Uint32Array): Promise<Float32Array> {
    const ms = (this.#nextMs() * rows.length) / this.#answers.rows;
    if (ms > 0) {
      const now = performance.now();
      this.#freeAt = Math.max(now, this.#freeAt) + ms;
      // A timer that is late delays this answer, and not the device's next one.
      await sleep(this.#freeAt - now);
    }
    return this.#logits.subarray(0, rows.length * this.#answers.classes);
  }

  async probe(
    _labelling: string,
    _data: string,
    _shard: number,
    { length }: Uint32Array,
  ): Promise<Float32Array> {
    return this.#logits.subarray(0, length * this.#answers.classes);
  }

  async train(): Promise<TrainedModel> {
    throw new Error("a simulated teacher is loaded, not trained");
  }

  async interrupt(): Promise<void> {}

  async close(): Promise<void> {}
}

/** [rows, classes], as spread as those of a trained classifier. */
export function simulatedLogits({ rows, classes }: Answers): Float32Array {
  const draws = rng("bench", "logits");
  return Float32Array.from({ length: rows * classes }, () => 3 * draws.normal());
}
