import type { RunSpec } from "../../shared/config/spec.ts";

/** Of the data sets that simulated runs are on. */
export function classesOf({ data }: Pick<RunSpec, "data">): number {
  if ("dataset" in data) return 10;
  if (data.format === "synthetic") return data.classes;
  throw new Error(`a simulated run is on synthetic data or MNIST, not on ${data.format}`);
}
