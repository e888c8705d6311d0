import type { OptimizerSpec } from "../../config/spec.ts";
import { adam } from "./adam.ts";
import { adamw } from "./adamw.ts";
import type { Optimizer } from "./optimizer.ts";
import { sgd } from "./sgd.ts";

/** Every optimiser that a spec can name. */
export const optimizers: {
  [K in OptimizerSpec["kind"]]: (spec: Extract<OptimizerSpec, { kind: K }>) => Optimizer;
} = { sgd, adam, adamw };

export function createOptimizer(spec: OptimizerSpec): Optimizer {
  switch (spec.kind) {
    case "sgd":
      return optimizers.sgd(spec);
    case "adam":
      return optimizers.adam(spec);
    case "adamw":
      return optimizers.adamw(spec);
  }
}
