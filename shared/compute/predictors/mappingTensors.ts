import * as tf from "@tensorflow/tfjs";
import type { ModelMapping } from "../../config/modelFileSpec.ts";
import type { InputPlan } from "./modelMapping.ts";

/** As `mapInputs`, in tensors, so that it becomes a part of a compiled graph. */
export function mappedInputs(inputs: tf.Tensor, { shape, places, factors, terms }: InputPlan): tf.Tensor {
  const rows = inputs.shape[0] as number;
  let x = inputs.reshape([rows, factors.length]);
  if (places) x = tf.gather(x, tf.tensor1d(Int32Array.from(places), "int32"), 1);
  if (factors.some((factor) => factor !== 1)) x = x.mul(ofOneOrAll(factors));
  if (terms.some((term) => term !== 0)) x = x.add(ofOneOrAll(terms));
  return x.reshape([rows, ...shape]);
}

function ofOneOrAll(values: Float32Array): tf.Tensor {
  const [first = 0] = values;
  return values.every((value) => value === first) ? tf.scalar(first) : tf.tensor1d(values);
}

/** As `mapOutputs`, in tensors. */
export function mappedOutputs(
  given: tf.Tensor,
  { output, probabilityFloor, labels }: Pick<ModelMapping, "output" | "probabilityFloor" | "labels">,
): tf.Tensor {
  const log = (of: tf.Tensor): tf.Tensor => tf.maximum(of, probabilityFloor).log();
  const logits =
    output === "probabilities"
      ? log(given)
      : output === "sigmoids"
        ? log(given).sub(log(tf.sub(1, given)))
        : given; // [rows, columns]
  return labels ? tf.gather(logits, labels, 1) : logits; // [rows, classes]
}
