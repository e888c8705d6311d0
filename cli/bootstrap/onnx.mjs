import { existsSync } from "node:fs";
import { join } from "node:path";

const PACKAGE = "onnxruntime-node";

/**
 * What there is of ONNX Runtime after an installation: its CPU library is inside the package, by platform, and its
 * install script, which would fetch CUDA libraries, is not run.
 * @param {string} root
 * @param {{ platform?: string, arch?: string }} [machine]
 * @returns {string} the line that tells the user
 */
export function describeOnnxRuntime(root, { platform = process.platform, arch = process.arch } = {}) {
  const folder = join(root, "node_modules", PACKAGE);
  if (!existsSync(folder))
    return `ONNX Runtime: left out (${PACKAGE} is not installed); wasm computes, slower`;
  if (!existsSync(join(folder, "bin", "napi-v6", platform, arch))) {
    return `ONNX Runtime: left out (no build for ${platform}-${arch}); wasm computes, slower`;
  }
  return "ONNX Runtime: its CPU library is in the package; CUDA left out (its install script was not run)";
}
