import type { ComputeSpec } from "../config/spec.ts";
import type { BackendName } from "./backendNames.ts";
import type { DeviceChoice, OnnxDevice } from "./deviceNames.ts";

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
  /** Of the compiled backend; absent: the CPU. */
  device?: OnnxDevice | undefined;
}

/** What a role was started with, on this machine. */
export interface RoleCompute {
  /** Tried first; absent: the best that works here. */
  readonly prefer?: BackendName | undefined;
  /** Of the compiled backend; absent: the CPU. */
  readonly device?: DeviceChoice | undefined;
}

/** Of one operator, where neither the spec nor who starts the run says. */
export const DEFAULT_THREADS = 1;

/**
 * How a role computes for a run.
 * @param used what `chooseBackend` has chosen
 */
export function computeSettings(
  used: { readonly name: BackendName; readonly device?: OnnxDevice | undefined },
  spec: ComputeSpec,
  role: "teacher" | "student",
): ComputeSettings {
  return {
    backend: used.name,
    ...(used.device === undefined ? {} : { device: used.device }),
    threads: spec.threads[role] ?? DEFAULT_THREADS,
    spinning: spec.spinning,
    update: spec.update,
    fallback: spec.fallback,
  };
}
