import type { ArchSpec } from "../shared/config/archSpec.ts";
import type { OptimizerSpec } from "../shared/config/trainSpec.ts";

/** What is measured: the training step, a teacher's forward pass, or a step with teachers in the student's own loop. */
export type Bench = "step" | "predict" | "own-loop";

export type Backend =
  | "stillhouse compiled"
  | "stillhouse in graph"
  | "stillhouse wasm"
  | "stillhouse native"
  | "pytorch eager"
  | "pytorch channels last"
  | "pytorch compile"
  | "pytorch eager 2"
  | "pytorch compile 2";

/** One block of one contestant, as its process is told; peers in Python read the same keys. */
export interface Task {
  readonly bench: Bench;
  readonly backend: Backend;
  readonly arch: ArchSpec;
  /** Of `own-loop`. */
  readonly teacherArch?: ArchSpec;
  /** Without the batch: [28, 28, 1], or [length] of token ids. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Samples in the dataset. */
  readonly rows: number;
  readonly teachers: number;
  readonly temperature: number;
  readonly alpha: number;
  readonly batch: number;
  readonly optimizer: OptimizerSpec;
  readonly threads: number;
  /** Whether waiting threads of the compiled backend keep their core. */
  readonly spinning: boolean;
  /** To measure for, after warming up. */
  readonly seconds: number;
}

export interface Measured {
  /** Of each step, in order. */
  readonly steps: readonly number[];
  /** Of each step, the time inside of the bare graph. */
  readonly graphs?: readonly number[];
  /** Processor time a step, of all threads of the process. */
  readonly cpuMs: number;
}

/** What a contestant's process prints, as one line of JSON. */
export type BlockResult = { readonly peer?: string } & (Measured | { readonly unavailable: string });
