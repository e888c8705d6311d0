import type { ComputeSpec } from "../config/spec.ts";
import type { BackendName } from "./backendNames.ts";

/** How a role computes. */
export interface ComputeSettings {
  backend: BackendName;
  /** Of one operator, in the compiled backend. */
  threads: number;
  /** Waiting threads keep their core: faster where a role has the machine for itself. */
  spinning: boolean;
  /** Where the optimiser works, in the compiled backend. */
  update: ComputeSpec["update"];
  /** Whether a model that cannot be compiled may be computed without. */
  fallback: boolean;
}

/** What a role was started with, on this machine. */
export interface RoleCompute {
  /** Tried first; absent: the best that works here. */
  readonly prefer?: BackendName | undefined;
}

/** Of one operator, where neither the spec nor who starts the run says. */
export const DEFAULT_THREADS = 1;

/** How a role computes for a run. */
export function computeSettings(
  backend: BackendName,
  spec: ComputeSpec,
  role: "teacher" | "student",
): ComputeSettings {
  return {
    backend,
    threads: spec.threads[role] ?? DEFAULT_THREADS,
    spinning: spec.spinning,
    update: spec.update,
    fallback: spec.fallback,
  };
}
