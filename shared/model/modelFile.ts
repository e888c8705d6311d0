import { dirname } from "node:path";
import type { ModelFileSpec } from "../config/modelFileSpec.ts";
import { bundleTfjs, readModelBytes } from "./fileBundle.ts";
import { inlineExternal } from "./onnxExternal.ts";
import { readOnnx } from "./onnxFile.ts";
import { bundleSavedModel } from "./savedModelBundle.ts";

/**
 * Reads a model that was made elsewhere as one object, without TensorFlow or ONNX Runtime.
 * @param path of the file, of model.json, or of a SavedModel's folder
 * @param written as the spec writes it, for the error
 * @throws ModelUnreadable, BadOnnxModel, BadSavedModel
 */
export async function readModelFile(
  format: ModelFileSpec["format"],
  path: string,
  written: string,
): Promise<{ bytes: Uint8Array; parameters: number }> {
  switch (format) {
    case "tfjs-layers":
    case "tfjs-graph":
      return bundleTfjs(format, path, written);
    case "saved-model":
      return bundleSavedModel(path, written);
    case "onnx": {
      const bytes = await inlineExternal(await readModelBytes(path, written), dirname(path));
      return { bytes, parameters: readOnnx(bytes).parameters };
    }
  }
}
