import type { ModelFileSpec, ModelMapping } from "../../config/modelFileSpec.ts";
import { messageOf, StillhouseError } from "../../errors.ts";
import { unpackFileBundle } from "../../model/fileBundle.ts";
import { type OnnxSignature, type OnnxTensorType, readOnnx } from "../../model/onnxFile.ts";
import { graphOf, unpackSavedModel } from "../../model/savedModelBundle.ts";
import { readSavedModel } from "../../model/savedModelFile.ts";
import type { Flops } from "../flops/flops.ts";
import { onnxFlops } from "../flops/onnxFlops.ts";
import { modelFlops } from "../flops/recordedFlops.ts";
import { onnxShapes } from "./onnxShapes.ts";
import { loadModel } from "./teacherModel.ts";
import { describeGraph } from "./tfjsGraph.ts";
import { describeLayers } from "./tfjsLayers.ts";

type Format = ModelFileSpec["format"];

/** What a stored model takes and gives, in the words of ONNX. */
export async function describeModel(format: Format, bytes: Uint8Array): Promise<OnnxSignature> {
  switch (format) {
    case "onnx":
      return readOnnx(bytes);
    case "tfjs-layers":
      return describeLayers(unpackFileBundle(bytes));
    case "tfjs-graph":
      return describeGraph(unpackFileBundle(bytes));
    case "saved-model":
      return readSavedModel(graphOf(unpackSavedModel(bytes)));
  }
}

/**
 * What a model computes for one sample.
 * @param sample shape of one, as the model takes it; absent: the model leaves nothing open but the batch
 */
export async function flopsOf(
  format: Format,
  bytes: Uint8Array,
  mapping: ModelMapping,
  sample?: readonly number[],
): Promise<Flops> {
  if (format === "onnx") return onnxFlops(bytes, sample);
  if (format === "saved-model")
    return { known: false, why: "TensorFlow alone knows a SavedModel's operators" };
  try {
    const model = await loadModel(format, mapping, bytes, sample);
    try {
      return await modelFlops(model);
    } finally {
      model.dispose();
    }
  } catch (error) {
    if (!(error instanceof StillhouseError)) throw error;
    return { known: false, why: messageOf(error) };
  }
}

/** A few inner tensors, the last: features that a spec may name. Shapes are there where the model's sizes are known. */
export async function lastInner(
  format: Format,
  bytes: Uint8Array,
  { inner, outputs }: OnnxSignature,
  most: number,
  sample?: readonly number[],
): Promise<OnnxTensorType[]> {
  const given = new Set(outputs.map(({ name }) => name));
  const last = inner.filter(({ name }) => !given.has(name)).slice(-most);
  if (format !== "onnx") return last;
  const names = last.map(({ name }) => name);
  const shapes = await onnxShapes(bytes, names, sample).catch((error: unknown) => {
    if (error instanceof StillhouseError) return new Map<string, readonly number[]>();
    throw error;
  });
  return last.map((tensor) => ({ ...tensor, shape: shapes.get(tensor.name) }));
}
