import * as tf from "@tensorflow/tfjs";
import { StillhouseError } from "../../errors.ts";
import type { MaskSource } from "../../model/dropout.ts";
import { type WeightSlot, weightSlots } from "../../model/weights.ts";
import { eagerGradients } from "../eagerGradients.ts";
import { type Objective, targetShape } from "../objective.ts";
import type { TensorUpdate } from "../optimizers/inGraph.ts";
import { type BatchShape, sampleShape } from "../planBatches.ts";
import { type Recorder, type Recording, record } from "./record.ts";

/** A dropout mask that the graph takes as an input. */
export interface MaskInput {
  input: string;
  layer: string;
  rate: number;
  shape: readonly number[];
}

export interface RecordedTraining {
  recording: Recording;
  masks: MaskInput[];
  /** Weights that the step itself changes: the moving averages of batch normalisation. */
  moved: string[];
}

/** Names of a training graph's inputs and outputs. */
export const names = {
  inputs: "inputs",
  logits: "logits",
  feature: (name: string): string => `feature/${name}`,
  emitted: (name: string): string => `emitted/${name}`,
  target: (name: string): string => `target/${name}`,
  weight: (name: string): string => `weight/${name}`,
  mask: (layer: string): string => `mask/${layer}`,
  slot: (slot: string, weight: string): string => `${slot}/${weight}`,
  scalar: (name: string): string => `scalar/${name}`,
  loss: "loss",
  gradient: (weight: string): string => `gradient/${weight}`,
  /** The value after the step of the input of that name. */
  next: (input: string): string => `next/${input}`,
} as const;

/** A model that applies one dropout layer several times would drop the same units each time. */
export class MaskUsedTwice extends StillhouseError {}

/**
 * Records forward and backward of one training step: the loss, and the gradient of every trained weight. With
 * `update`, the optimiser too: the weights and its slots after the step.
 * @param shape of the batch; every input has its rows as the first size
 * @throws UnsupportedKernel, ValueReadWhileRecording, MaskUsedTwice
 */
export async function recordTraining(
  {
    model,
    objective,
    inputShape,
  }: { model: tf.LayersModel; objective: Objective; inputShape: readonly number[] },
  shape: BatchShape,
  update?: TensorUpdate,
): Promise<RecordedTraining> {
  const batch = shape.rows;
  const slots = weightSlots(model);
  const masks: MaskInput[] = [];
  const moved: string[] = [];
  // A layer may assign to a variable while it is recorded: these hold the values until they are put back.
  const kept = slots.map(({ variable }) => ({ variable, dataId: variable.dataId, copy: variable.clone() }));
  try {
    const recording = await record((recorder) => {
      for (const { name, variable } of slots) recorder.adopt(names.weight(name), variable);
      const inputs = recorder.input(names.inputs, {
        shape: [batch, ...sampleShape(shape, inputShape)],
        dtype: "float32",
      });
      const targets = Object.fromEntries(
        Object.entries(objective.targets).map(([name, type]) => [
          name,
          recorder.input(names.target(name), { shape: targetShape(type, batch), dtype: type.dtype }),
        ]),
      );
      const { loss, gradients, emitted } = eagerGradients(
        model,
        slots,
        objective,
        inputs,
        targets,
        maskInputs(recorder, masks),
      );
      const outputs: Record<string, tf.Tensor> = { [names.loss]: loss };
      for (const [name, tensor] of Object.entries(emitted)) {
        outputs[names.emitted(name)] = tensor.clone();
        tensor.dispose();
      }
      for (const { name, variable, trained } of slots) {
        if (trained || variable.dataId === kept.find((k) => k.variable === variable)?.dataId) continue;
        moved.push(name);
        outputs[names.next(names.weight(name))] = variable;
      }
      const trained = slots.filter((slot) => slot.trained);
      const all = trained.map(({ variable }, i) => gradients[i] ?? tf.zeros(variable.shape));
      trained.forEach(({ name }, i) => {
        outputs[names.gradient(name)] = all[i] as tf.Tensor;
      });
      if (update) Object.assign(outputs, updateOutputs(recorder, trained, all, update));
      return outputs;
    });
    return { recording, masks, moved };
  } finally {
    for (const { variable, dataId, copy } of kept) {
      if (variable.dataId !== dataId) variable.assign(copy);
      copy.dispose();
    }
  }
}

function maskInputs(recorder: Recorder, found: MaskInput[]): MaskSource {
  return {
    mask(layer, rate, shape) {
      const input = names.mask(layer);
      if (found.some((mask) => mask.input === input)) {
        throw new MaskUsedTwice(
          `Cannot record the step as its dropout layer "${layer}" is applied twice: give each use a layer of its own`,
          { fields: { layer } },
        );
      }
      found.push({ input, layer, rate, shape: [...shape] });
      return recorder.input(input, { shape, dtype: "float32" });
    },
  };
}

function updateOutputs(
  recorder: Recorder,
  trained: readonly WeightSlot[],
  gradients: readonly tf.Tensor[],
  update: TensorUpdate,
): Record<string, tf.Tensor> {
  const outputs: Record<string, tf.Tensor> = {};
  const scalars = Object.fromEntries(
    update.scalarNames.map((name) => [
      name,
      recorder.input(names.scalar(name), { shape: [], dtype: "float32" }) as tf.Scalar,
    ]),
  );
  const scaled = update.clip(gradients);
  trained.forEach(({ name, variable }, i) => {
    const slots = update.slots.map((slot) =>
      recorder.input(names.slot(slot, name), { shape: variable.shape, dtype: "float32" }),
    );
    const next = update.update(variable, scaled[i] as tf.Tensor, slots, scalars);
    outputs[names.next(names.weight(name))] = next.parameter;
    update.slots.forEach((slot, k) => {
      outputs[names.next(names.slot(slot, name))] = next.slots[k] as tf.Tensor;
    });
  });
  return outputs;
}
