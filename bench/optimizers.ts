import { OptimizerSpec } from "../shared/config/trainSpec.ts";

// Small rates: the labels are random, and a loss that overflows would end the measurement.
export const optimizers = {
  sgd: OptimizerSpec.parse({ kind: "sgd", lr: 1e-3 }),
  adamw: OptimizerSpec.parse({ kind: "adamw", lr: 1e-4 }),
} as const;

export type OptimizerName = keyof typeof optimizers;
export const optimizerNames = Object.keys(optimizers) as OptimizerName[];
