import * as tf from "@tensorflow/tfjs";

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
    tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc: throughCpu(kernelName) });
  }
}

function throughCpu(kernelName: string): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const wasm = backend as tf.KernelBackend;
    const cpu = tf.findBackend("cpu");
    const copies: tf.TensorInfo[] = [];
    const toCpu = (tensor: tf.TensorInfo): tf.TensorInfo => {
      const onCpu = copy(tensor, wasm, cpu);
      copies.push(onCpu);
      return onCpu;
    };
    try {
      const kernel = tf.getKernel(kernelName, "cpu");
      const result = kernel.kernelFunc({
        inputs: mapInputs(inputs, toCpu),
        attrs: attrs ?? {},
        backend: cpu,
      });
      const outputs = Array.isArray(result) ? result : [result];
      const back = outputs.map((output) => copy(output, cpu, wasm));
      for (const { dataId } of outputs) cpu.disposeData(dataId);
      return Array.isArray(result) ? back : (back[0] as tf.TensorInfo);
    } finally {
      for (const { dataId } of copies) cpu.disposeData(dataId);
    }
  };
}

/** Most kernels take their inputs by name, a few (einsum) as a list; absent optional ones stay absent. */
function mapInputs(
  inputs: tf.NamedTensorInfoMap,
  change: (tensor: tf.TensorInfo) => tf.TensorInfo,
): tf.NamedTensorInfoMap {
  if (Array.isArray(inputs)) return inputs.map(change) as unknown as tf.NamedTensorInfoMap;
  return Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [name, tensor == null ? tensor : change(tensor)]),
  );
}

function copy(tensor: tf.TensorInfo, from: tf.KernelBackend, to: tf.KernelBackend): tf.TensorInfo {
  const { shape, dtype } = tensor;
  const dataId = to.write(from.readSync(tensor.dataId) as tf.BackendValues, shape, dtype);
  return { dataId, shape, dtype };
}
