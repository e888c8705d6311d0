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
  /** Its share of the cores: used where a spec does not say. */
  readonly threads: number;
}

/** How a role computes for a run. */
export function computeSettings(
  backend: BackendName,
  spec: ComputeSpec,
  role: "teacher" | "student",
  { threads }: RoleCompute,
): ComputeSettings {
  return {
    backend,
    threads: spec.threads[role] ?? threads,
    spinning: spec.spinning,
    update: spec.update,
    fallback: spec.fallback,
  };
}
