import type * as tf from "@tensorflow/tfjs";
import type { WeightSlot } from "../../model/weights.ts";
import type { OnnxGraph } from "./graph.ts";
import { lower } from "./lower.ts";
import { record } from "./record.ts";
import { ANY_BATCH, freeBatch } from "./symbolicBatch.ts";
import { names } from "./trainingGraph.ts";

/**
 * The graph of a prediction, for a batch of any size: input "inputs" [batch, ...inputShape], output "logits".
 * @param forward [batch, ...inputShape] -> [batch, classes]
 * @param weights those that are inputs of the graph, "weight/NAME"; all others are constants in it
 * @throws UnsupportedKernel, ValueReadWhileRecording, LoweringError
 */
export async function forwardGraph(
  forward: (inputs: tf.Tensor) => tf.Tensor,
  inputShape: readonly number[],
  weights: readonly WeightSlot[] = [],
): Promise<OnnxGraph> {
  const recording = await record((recorder) => {
    for (const { name, variable } of weights) recorder.adopt(names.weight(name), variable);
    const inputs = recorder.input(names.inputs, { shape: [ANY_BATCH, ...inputShape], dtype: "float32" });
    return { logits: forward(inputs) };
  });
  return freeBatch(lower(recording));
}
