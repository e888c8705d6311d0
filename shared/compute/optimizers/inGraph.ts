import * as tf from "@tensorflow/tfjs";
import type { OptimizerSpec } from "../../config/trainSpec.ts";
import { type AdamSpec, adamScalars, adamSlots } from "./adam.ts";
import { type SgdSpec, sgdSlots } from "./sgd.ts";

/**
 * An optimiser as formulas over tensors, to be recorded once and run at every step: what changes from step to step
 * comes in as scalars. It does the arithmetic of the one that works in place, in the same order.
 */
export interface TensorUpdate {
  /** Names of the tensors kept beside each parameter, of its shape and 0 at first. */
  readonly slots: readonly string[];
  readonly scalarNames: readonly string[];
  /** The scalars of a step, by those names; `t` counts steps from 1. */
  scalars(learningRate: number, t: number): Record<string, number>;
  /** All gradients of the step, scaled to the largest norm if there is one. */
  clip(gradients: readonly tf.Tensor[]): readonly tf.Tensor[];
  /**
   * @param gradient clipped
   * @param slots in the order of their names
   */
  update(
    parameter: tf.Tensor,
    gradient: tf.Tensor,
    slots: readonly tf.Tensor[],
    scalars: Readonly<Record<string, tf.Scalar>>,
  ): { parameter: tf.Tensor; slots: tf.Tensor[] };
}

/** @param clipNorm largest L2 norm of all gradients together; absent: no clipping */
export function tensorUpdate(spec: OptimizerSpec, clipNorm?: number): TensorUpdate {
  const formulas = spec.kind === "sgd" ? sgdFormulas(spec) : adamFormulas(spec);
  return {
    ...formulas,
    scalarNames: Object.keys(formulas.scalars(spec.lr, 1)),
    clip(gradients) {
      if (clipNorm === undefined || gradients.length === 0) return gradients;
      const factor = clipFactor(gradients, clipNorm);
      return gradients.map((gradient) => gradient.mul(factor));
    },
  };
}

/**
 * What gradients are multiplied by for a norm, all together, of at most `maxNorm`; exactly 1 where it already is.
 * @param gradients at least one
 */
export function clipFactor(gradients: readonly tf.Tensor[], maxNorm: number): tf.Scalar {
  const sums = gradients.map((gradient) => gradient.square().sum());
  const norm = sums.reduce((total, sum) => total.add(sum)).sqrt();
  // The bound over the larger of itself and the norm: no branch, and no division by a norm of 0.
  return tf.scalar(maxNorm).div(norm.maximum(maxNorm)) as tf.Scalar;
}

type Formulas = Pick<TensorUpdate, "slots" | "scalars" | "update">;

function sgdFormulas(spec: SgdSpec): Formulas {
  const { momentum, nesterov, weightDecay } = spec;
  return {
    slots: sgdSlots(spec),
    scalars: (lr) => ({ lr }),
    update(parameter, gradient, [old], scalars) {
      const lr = scalars.lr as tf.Scalar;
      const g = weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
      if (old === undefined) return { parameter: parameter.sub(g.mul(lr)), slots: [] };
      const b = old.mul(momentum).add(g);
      const direction = nesterov ? g.add(b.mul(momentum)) : b;
      return { parameter: parameter.sub(direction.mul(lr)), slots: [b] };
    },
  };
}

function adamFormulas(spec: AdamSpec): Formulas {
  const { beta1, beta2 } = spec;
  return {
    slots: adamSlots,
    scalars(learningRate, t) {
      const { rate, epsilon, keep } = adamScalars(spec, learningRate, t);
      return spec.kind === "adamw" ? { rate, epsilon, keep } : { rate, epsilon };
    },
    update(parameter, g, [oldM, oldV], { rate, epsilon, keep }) {
      const m = (oldM as tf.Tensor).mul(beta1).add(g.mul(1 - beta1));
      const v = (oldV as tf.Tensor).mul(beta2).add(g.mul(1 - beta2).mul(g));
      const root = v.sqrt().add(epsilon as tf.Scalar);
      const kept = keep === undefined ? parameter : parameter.mul(keep);
      return { parameter: kept.sub(m.mul(rate as tf.Scalar).div(root)), slots: [m, v] };
    },
  };
}
