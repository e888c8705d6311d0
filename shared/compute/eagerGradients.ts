import * as tf from "@tensorflow/tfjs";
import { type MaskSource, withMaskSource } from "../model/dropout.ts";
import type { WeightSlot } from "../model/weights.ts";
import type { Objective } from "./objective.ts";

/**
 * Loss and gradients of a model as it stands, kernel by kernel.
 * @param inputs [batch, ...inputShape]
 * @param slots the model's weights; the gradients come in their order, of the trained ones
 * @returns tensors; a trained weight that the loss does not depend on has no gradient
 */
export function eagerGradients(
  model: tf.LayersModel,
  slots: readonly WeightSlot[],
  objective: Objective,
  inputs: tf.Tensor,
  targets: Readonly<Record<string, tf.Tensor>>,
  masks: MaskSource,
): { loss: tf.Scalar; gradients: (tf.Tensor | undefined)[] } {
  const trained = slots.filter((slot) => slot.trained).map(({ variable }) => variable);
  const forward = (): tf.Scalar =>
    objective.loss(model.apply(inputs, { training: true }) as tf.Tensor2D, targets);
  const { value, grads } = withMaskSource(masks, () => tf.variableGrads(forward, trained));
  return { loss: value, gradients: trained.map(({ name }) => grads[name]) };
}
