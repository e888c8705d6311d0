import * as tf from "@tensorflow/tfjs";

/** How a backend that lacks a kernel hands numbers over, and takes them back. */
export interface Hands {
  read(tensor: tf.TensorInfo): tf.BackendValues;
  /** @returns the id under which the backend holds them */
  write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object;
}

/** Runs a kernel on the `cpu` backend: inputs are copied over, outputs are copied back. */
export function throughCpu(
  kernelName: string,
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap | undefined,
  { read, write }: Hands,
): tf.TensorInfo | tf.TensorInfo[] {
  const cpu = tf.findBackend("cpu");
  const copies: tf.TensorInfo[] = [];
  const toCpu = (tensor: tf.TensorInfo): tf.TensorInfo => {
    const { shape, dtype } = tensor;
    const copy = { dataId: cpu.write(read(tensor), shape, dtype), shape, dtype };
    copies.push(copy);
    return copy;
  };
  const back = ({ dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo => {
    const values = cpu.readSync(dataId) as tf.BackendValues;
    cpu.disposeData(dataId);
    return { dataId: write(values, shape, dtype), shape, dtype };
  };
  try {
    const kernel = tf.getKernel(kernelName, "cpu");
    const result = kernel.kernelFunc({ inputs: mapInputs(inputs, toCpu), attrs: attrs ?? {}, backend: cpu });
    return Array.isArray(result) ? result.map(back) : back(result);
  } finally {
    for (const { dataId } of copies) cpu.disposeData(dataId);
  }
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
