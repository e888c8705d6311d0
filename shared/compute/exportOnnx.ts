import { rngOf } from "../model/seed.ts";
import { compareLogits } from "./compiled/checkAgainstEager.ts";
import { CompiledForward } from "./compiled/compiledForward.ts";
import { encodeModel } from "./compiled/encode.ts";
import { forwardGraph } from "./compiled/forwardGraph.ts";
import { names } from "./compiled/trainingGraph.ts";
import type { LoadedModel } from "./predictors/openPredictor.ts";

/** Samples on which an exported file is compared with TensorFlow.js, where the model takes any number of them. */
const SAMPLES = 32;

export interface ExportedModel {
  /** An ONNX file: input "inputs" [batch, ...inputShape], output "logits" [batch, classes], any batch or the model's own. */
  readonly bytes: Uint8Array;
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** How far its logits are from TensorFlow.js's at most, and on how many samples. */
  readonly largestDifference: number;
  readonly samples: number;
}

/**
 * Says a model in inference mode in standard ONNX operators, its weights inside, and compares what ONNX Runtime makes
 * of it with TensorFlow.js. The model stays the caller's.
 * @param tokens for a model of token ids: how many there are; absent: inputs are numbers from 0 to 1
 * @param about key-value pairs that the file carries along
 * @throws UnsupportedKernel, LoweringError, CompiledDiffers
 */
export async function exportOnnx(
  model: LoadedModel,
  about: Readonly<Record<string, string>>,
  tokens?: number,
): Promise<ExportedModel> {
  const { inputShape, classes, batch } = model;
  const samples = batch ?? SAMPLES;
  const graph = await forwardGraph((inputs) => model.forward(inputs), inputShape, { batch });
  const compiled = await CompiledForward.of(graph, inputShape, { threads: 1, spinning: false });
  try {
    const inputs = sampleInputs(samples, inputShape, tokens);
    const seen = await compiled.predict(inputs, samples);
    const shape = [samples, ...inputShape];
    return {
      bytes: encodeModel(graph, about),
      inputShape,
      classes,
      largestDifference: compareLogits((x) => model.forward(x), inputs, shape, seen),
      samples,
    };
  } finally {
    await compiled.close();
  }
}

/** The names under which the file takes samples and gives logits. */
export const onnxNames = { inputs: names.inputs, logits: names.logits } as const;

function sampleInputs(
  samples: number,
  inputShape: readonly number[],
  tokens: number | undefined,
): Float32Array {
  const stream = rngOf(["export"], "samples");
  const length = inputShape.reduce((product, n) => product * n, samples);
  return Float32Array.from({ length }, () =>
    tokens === undefined ? stream.uniform() : stream.below(tokens),
  );
}
