import * as tf from "@tensorflow/tfjs";
import { type Objective, targetShape } from "./objective.ts";

/** The targets of a batch as tensors. */
export function targetTensors(
  objective: Objective,
  ids: Uint32Array,
  step: number,
): Record<string, tf.Tensor> {
  const values = objective.gather(ids, step);
  return Object.fromEntries(
    Object.entries(objective.targets).map(([name, type]) => [
      name,
      tf.tensor(values[name] as Float32Array, targetShape(type, ids.length), type.dtype),
    ]),
  );
}
