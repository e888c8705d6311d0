import * as tf from "@tensorflow/tfjs";
import { throughCpu } from "./throughCpu.ts";

/**
 * Kernels that the wasm backend lacks and a gradient needs: of depthwise convolutions, of gathers (embeddings) and of einsum.
 * What works on complex numbers or ragged tensors is left out, as no student uses them.
 */
const bridged = [
  "DepthwiseConv2dNativeBackpropFilter",
  "DepthwiseConv2dNativeBackpropInput",
  "UnsortedSegmentSum",
  "Einsum",
] as const;

/**
 * Lets the wasm backend run what only the cpu backend has: inputs are copied over, the cpu kernel runs, its outputs
 * are copied back. Slower than a kernel of its own, and it makes every student trainable on wasm. Kernels that wasm
 * has, in this version or a later one, stay. Installing twice changes nothing more.
 */
export function installWasmBridge(): void {
  for (const kernelName of bridged) {
    if (tf.getKernel(kernelName, "wasm") !== undefined) continue;
    tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc: bridge(kernelName) });
  }
}

function bridge(kernelName: string): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const wasm = backend as tf.KernelBackend;
    return throughCpu(kernelName, inputs, attrs, {
      read: ({ dataId }) => wasm.readSync(dataId) as tf.BackendValues,
      write: (values, shape, dtype) => wasm.write(values, shape, dtype),
    });
  };
}
