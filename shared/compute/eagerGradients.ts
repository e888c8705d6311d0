import * as tf from "@tensorflow/tfjs";
import { type MaskSource, withMaskSource } from "../model/dropout.ts";
import { applyModel, learntName } from "../model/tapped.ts";
import type { WeightSlot } from "../model/weights.ts";
import type { Objective } from "./objective.ts";
import { withoutTinyGradients } from "./withoutTinyGradients.ts";

/**
 * Loss and gradients of a model as it stands, kernel by kernel.
 * @param inputs [batch, ...inputShape]
 * @param slots the model's weights; the gradients come in their order, of the trained ones
 * @returns tensors; a trained weight that the loss does not depend on has no gradient. What the loss emits outlives a
 * tidy, and is the caller's to dispose of
 */
export function eagerGradients(
  model: tf.LayersModel,
  slots: readonly WeightSlot[],
  objective: Objective,
  inputs: tf.Tensor,
  targets: Readonly<Record<string, tf.Tensor>>,
  masks: MaskSource,
): { loss: tf.Scalar; gradients: (tf.Tensor | undefined)[]; emitted: Record<string, tf.Tensor> } {
  const trained = slots.filter((slot) => slot.trained).map(({ variable }) => variable);
  const learnt = Object.fromEntries(
    slots.flatMap(({ name, variable }) => {
      const own = learntName(name);
      return own === undefined ? [] : [[own, variable]];
    }),
  );
  const emitted: Record<string, tf.Tensor> = {};
  const forward = (): tf.Scalar => {
    const [logits, ...shown] = applyModel(model, inputs, true);
    const features = Object.fromEntries(
      (objective.taps ?? []).map((layer, i) => [layer, shown[i] as tf.Tensor]),
    );
    const emit = (name: string, tensor: tf.Tensor): void => {
      emitted[name] = tf.keep(tensor);
    };
    return objective.loss(withoutTinyGradients(logits as tf.Tensor), targets, { features, learnt, emit });
  };
  const { value, grads } = withMaskSource(masks, () => tf.variableGrads(forward, trained));
  return { loss: value, gradients: trained.map(({ name }) => grads[name]), emitted };
}
