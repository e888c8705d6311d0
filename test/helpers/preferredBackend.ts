import { type BackendName, backendOrder } from "../../shared/compute/backendNames.ts";

/**
 * What computes in tests that run a whole distillation in this process: STILLHOUSE_BACKEND, which the command line reads
 * too, so that the whole suite can be run on one backend; else wasm, which every machine has.
 */
export const preferredBackend: BackendName =
  backendOrder.find((backend) => backend === process.env.STILLHOUSE_BACKEND) ?? "wasm";
