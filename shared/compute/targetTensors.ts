import * as tf from "@tensorflow/tfjs";
import type { Objective } from "./objective.ts";

/** The targets of a batch as tensors, each [ids.length, ...shape]. */
export function targetTensors(
  objective: Objective,
  ids: Uint32Array,
  step: number,
): Record<string, tf.Tensor> {
  const values = objective.gather(ids, step);
  return Object.fromEntries(
    Object.entries(objective.targets).map(([name, { dtype, shape }]) => [
      name,
      tf.tensor(values[name] as Float32Array, [ids.length, ...shape], dtype),
    ]),
  );
}
