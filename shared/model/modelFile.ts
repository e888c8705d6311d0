import type { ModelFileSpec } from "../config/modelFileSpec.ts";
import { bundleTfjs, readModelBytes } from "./fileBundle.ts";
import { readOnnx } from "./onnxFile.ts";

/**
 * Reads a model that was made elsewhere as one object, without TensorFlow or ONNX Runtime.
 * @param path of the file, or of model.json
 * @param written as the spec writes it, for the error
 * @throws ModelUnreadable, BadOnnxModel
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
    case "onnx": {
      const bytes = await readModelBytes(path, written);
      return { bytes, parameters: readOnnx(bytes).parameters };
    }
  }
}
