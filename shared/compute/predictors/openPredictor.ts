import type * as tf from "@tensorflow/tfjs";
import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { CannotQuantise, quantiseOnnx } from "../../model/quantise/quantiseOnnx.ts";
import { compareLogits } from "../compiled/checkAgainstEager.ts";
import { CompiledForward } from "../compiled/compiledForward.ts";
import { forwardGraph, forwardGraphOf } from "../compiled/forwardGraph.ts";
import { sizeOf } from "../compiled/kernels/operators.ts";
import { UnsupportedKernel, ValueReadWhileRecording } from "../compiled/record.ts";
import { BatchBakedIn } from "../compiled/symbolicBatch.ts";
import { names } from "../compiled/trainingGraph.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import { eagerLogits, eagerOutputs } from "../eagerLogits.ts";
import { orFallBack } from "../fallback.ts";
import { featuresInSlices, type Predictor, predictInSlices } from "./predictor.ts";

/** A model as its format's loader hands it over. */
export interface LoadedModel {
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Rows that it takes at once, no more and no fewer; absent: any number. */
  readonly batch?: number | undefined;
  /** [rows, ...inputShape] -> [rows, classes] */
  forward(inputs: tf.Tensor): tf.Tensor;
  /** Inner tensors that the spec names, beside the logits. */
  readonly inner?: InnerTensors;
  dispose(): void;
}

export interface InnerTensors {
  /** As the spec calls them. */
  readonly names: readonly string[];
  /** [rows, ...inputShape] -> the logits, then the tensors in the order of the names, each [rows, ...] */
  forward(inputs: tf.Tensor): tf.Tensor[];
}

const ROWS_CHECKED = 2;
/** Models from elsewhere also ask for values, or have the batch where only one size can be compiled. */
const cannotCompile = [UnsupportedKernel, ValueReadWhileRecording, BatchBakedIn];

/**
 * Predicts with a model by the backend in use. Compiled, the model's weights are constants of its graph, which is
 * checked against TensorFlow.js on a few samples, and the model itself is let go.
 * @throws FallbackRefused, CompiledDiffers, CannotQuantise; the model is then disposed of
 */
export async function openPredictor(
  model: LoadedModel,
  compute: ComputeSettings,
  { quantise }: Pick<ModelMapping, "quantise"> = {},
): Promise<Predictor> {
  try {
    const predictor =
      compute.backend === "compiled"
        ? await orFallBack(
            compute,
            () => compiledPredictor(model, compute, quantise !== undefined),
            () => eagerPredictor(model, quantise),
            cannotCompile,
          )
        : eagerPredictor(model, quantise);
    const { predictWithFeatures } = predictor;
    // A feature that cannot be given is better refused now than when somebody learns from it.
    await predictWithFeatures?.(new Float32Array(sizeOf(model.inputShape)), 1);
    return predictor;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function eagerPredictor(model: LoadedModel, quantise?: string): Predictor {
  if (quantise !== undefined) {
    throw new CannotQuantise(
      `Cannot quantise the model to ${quantise} as TensorFlow.js computes it kernel by kernel: only what is compiled is quantised (--backend compiled), and ONNX models; leave quantise out`,
      { fields: { quantise } },
    );
  }
  const { inputShape, classes, inner } = model;
  return {
    inputShape,
    classes,
    async predict(inputs, rows) {
      const [logits] = await predictInSlices(inputs, rows, model, async (...slice) => [
        eagerLogits((x) => model.forward(x), inputShape, ...slice),
      ]);
      return logits ?? new Float32Array();
    },
    ...(inner && {
      predictWithFeatures: (inputs, rows) =>
        featuresInSlices(inputs, rows, model, inner.names, async (...slice) =>
          eagerOutputs((x) => inner.forward(x), inputShape, ...slice),
        ),
    }),
    close: async () => model.dispose(),
  };
}

async function compiledPredictor(
  model: LoadedModel,
  compute: ComputeSettings,
  quantise: boolean,
): Promise<Predictor> {
  const { inputShape, classes, batch, inner } = model;
  const slices = { inputShape, batch };
  const graph = await forwardGraph((inputs) => model.forward(inputs), inputShape, { batch });
  const checked = await CompiledForward.of(graph, inputShape, compute);
  const rows = batch ?? ROWS_CHECKED;
  const shape = [rows, ...inputShape];
  const sample = Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i % 17) / 16);
  compareLogits((inputs) => model.forward(inputs), sample, shape, await checked.predict(sample, rows));
  const rewritten = quantise ? (bytes: Uint8Array) => quantiseOnnx(bytes).bytes : undefined;
  if (rewritten) await checked.close();
  const compiled = rewritten ? await CompiledForward.of(graph, inputShape, compute, rewritten) : checked;
  const withFeatures = inner && (await compiledFeatures(inner, slices, compute, rewritten));
  model.dispose();
  return {
    inputShape,
    classes,
    async predict(inputs, rows) {
      const [logits] = await predictInSlices(inputs, rows, slices, async (...slice) => [
        await compiled.predict(...slice),
      ]);
      return logits ?? new Float32Array();
    },
    ...(withFeatures && { predictWithFeatures: withFeatures.predict }),
    async close() {
      await compiled.close();
      await withFeatures?.close();
    },
  };
}

/** A graph of its own, so that what is shown of its inside changes nothing in the one that predicts. */
async function compiledFeatures(
  inner: InnerTensors,
  slices: Pick<LoadedModel, "inputShape" | "batch">,
  compute: ComputeSettings,
  rewritten: ((bytes: Uint8Array) => Uint8Array) | undefined,
) {
  const outputs = [names.logits, ...inner.names.map(names.feature)];
  const graph = await forwardGraphOf(
    (inputs) => Object.fromEntries(inner.forward(inputs).map((tensor, i) => [outputs[i] as string, tensor])),
    slices.inputShape,
    { batch: slices.batch },
  );
  const compiled = await CompiledForward.of(graph, slices.inputShape, compute, rewritten);
  const predict: NonNullable<Predictor["predictWithFeatures"]> = (inputs, rows) =>
    featuresInSlices(inputs, rows, slices, inner.names, (...slice) => compiled.outputs(...slice, outputs));
  return { predict, close: () => compiled.close() };
}
