/** What a model is tried on. */
export interface Trial {
  readonly bytes: Uint8Array;
  /** Runs one after the other, each with its inputs of zeros. */
  readonly runs: readonly (readonly TrialInput[])[];
  readonly mostMemory: number;
  readonly mostMs: number;
}

export interface TrialInput {
  readonly name: string;
  /** As ONNX calls it. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** How a trial ended. */
export type TrialEnd =
  | { readonly kind: "passed" }
  /** ONNX Runtime does not open it, or does not run it. */
  | { readonly kind: "refused" | "failed"; readonly why: string }
  | { readonly kind: "memory" | "time" };
