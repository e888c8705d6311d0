import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { messageOf, StillhouseError } from "../../errors.ts";
import type { DeviceChoice, GpuDevice, OnnxDevice } from "../deviceNames.ts";
import { encodeModel } from "./encode.ts";
import type { OnnxGraph } from "./graph.ts";
import { loadOnnxRuntime } from "./session.ts";

/** A device that was asked for does not work here. */
export class DeviceUnusable extends StillhouseError {}

/**
 * The device to compute on. One other than the CPU has to multiply 2 by 3 first.
 * @throws DeviceUnusable for a device asked for by name
 */
export async function openDevice(choice: DeviceChoice): Promise<OnnxDevice> {
  if (choice === "cpu") return choice;
  const device = choice === "auto" ? "cuda" : choice;
  const problem = await problemOf(device);
  if (problem === null) return device;
  if (choice === "auto") return "cpu";
  throw new DeviceUnusable(
    `Cannot compute on ${device} as ONNX Runtime has no use of it here: ${problem}; ${fixes[device]}, or leave --device out`,
    { fields: { device, problem } },
  );
}

const fixes: Record<GpuDevice, string> = {
  cuda: "CUDA 12, cuDNN 9 and the libraries that `npm rebuild onnxruntime-node --ignore-scripts=false` fetches are needed (docs/backends.md)",
  webgpu: "a GPU with a Vulkan, Metal or Direct3D 12 driver is needed (docs/backends.md)",
};

async function problemOf(device: GpuDevice): Promise<string | null> {
  const missing = await missingFor(device);
  if (missing !== null) return missing;
  const { InferenceSession, Tensor } = await loadOnnxRuntime();
  try {
    const session = await InferenceSession.create(encodeModel(product), {
      executionProviders: [device],
      // The reason comes as an error; the library would print it too.
      logSeverityLevel: 4,
    });
    try {
      const out = await session.run({ x: new Tensor("float32", Float32Array.of(2, 3), [2]) });
      const six = out.y?.data[0];
      return six === 6 ? null : `it computes 2 x 3 = ${six}`;
    } finally {
      await session.release();
    }
  } catch (error) {
    // What comes before is the place in the library's source.
    return messageOf(error)
      .trim()
      .replace(/^.* was false\. /s, "");
  }
}

/** What a device lacks in ONNX Runtime itself, as can be told without trying it; null where nothing. */
export async function missingFor(device: GpuDevice): Promise<string | null> {
  const known = (await loadOnnxRuntime()).listSupportedBackends();
  const found = known.find(({ name }) => name === device);
  if (!found) {
    const names = known.map(({ name }) => name).join(", ");
    return `its build for ${process.platform}-${process.arch} knows [${names}]`;
  }
  if (found.bundled || process.platform !== "linux") return null;
  const library = `libonnxruntime_providers_${device}.so`;
  const { resolve } = createRequire(import.meta.url);
  const folder = join(dirname(resolve("onnxruntime-node")), "..", "bin", "napi-v6", "linux", process.arch);
  return existsSync(join(folder, library)) ? null : `its package is without ${library}`;
}

/** y = x[0] x[1], as a matrix product. */
const product: OnnxGraph = {
  nodes: [
    { type: "Split", inputs: ["x"], outputs: ["a", "b"], attributes: { axis: 0, num_outputs: 2 } },
    { type: "Unsqueeze", inputs: ["a", "axis"], outputs: ["row"], attributes: {} },
    { type: "Unsqueeze", inputs: ["b", "axis"], outputs: ["column"], attributes: {} },
    { type: "MatMul", inputs: ["row", "column"], outputs: ["y"], attributes: {} },
  ],
  constants: [
    { name: "axis", dtype: "int64", shape: [1], bytes: new Uint8Array(BigInt64Array.of(0n).buffer) },
  ],
  inputs: [{ name: "x", dtype: "float32", shape: [2] }],
  outputs: [{ name: "y", dtype: "float32", shape: [1, 1] }],
};
