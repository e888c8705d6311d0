import type * as tf from "@tensorflow/tfjs";
import type { WeightSlot } from "../../model/weights.ts";
import type { OnnxGraph } from "./graph.ts";
import { lower } from "./lower.ts";
import { record } from "./record.ts";
import { ANY_BATCH, freeBatch } from "./symbolicBatch.ts";
import { names } from "./trainingGraph.ts";

export interface ForwardOptions {
  /** Those that are inputs of the graph, "weight/NAME"; all others are constants in it. */
  readonly weights?: readonly WeightSlot[];
  /** Rows that the model takes at once; absent: any number. */
  readonly batch?: number | undefined;
}

/**
 * The graph of a prediction: input "inputs" [batch, ...inputShape], output "logits".
 * @param forward [batch, ...inputShape] -> [batch, classes]
 * @throws UnsupportedKernel, ValueReadWhileRecording, LoweringError
 */
export function forwardGraph(
  forward: (inputs: tf.Tensor) => tf.Tensor,
  inputShape: readonly number[],
  options: ForwardOptions = {},
): Promise<OnnxGraph> {
  return forwardGraphOf((inputs) => ({ [names.logits]: forward(inputs) }), inputShape, options);
}

/** The same with outputs of any names. */
export async function forwardGraphOf(
  forward: (inputs: tf.Tensor) => Record<string, tf.Tensor>,
  inputShape: readonly number[],
  { weights = [], batch }: ForwardOptions = {},
): Promise<OnnxGraph> {
  const recording = await record(
    (recorder) => {
      for (const { name, variable } of weights) recorder.adopt(names.weight(name), variable);
      const shape = [batch ?? ANY_BATCH, ...inputShape];
      return forward(recorder.input(names.inputs, { shape, dtype: "float32" }));
    },
    { computeKnown: true },
  );
  const graph = lower(recording);
  return batch === undefined ? freeBatch(graph) : graph;
}
