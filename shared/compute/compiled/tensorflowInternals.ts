import * as tf from "@tensorflow/tfjs";

/*
 * All that the compiler uses of TensorFlow.js beyond its public interface. The package's version is pinned; another
 * version is tried by test/compute/compiled.
 */

interface EngineState {
  state: {
    /** Which backend holds the data of a tensor. */
    tensorInfo: WeakMap<object, { backend: { readSync(dataId: object): ArrayLike<number> } }>;
  };
}

/** The values of a tensor that only its data id is known of, as inside a kernel. */
export function readData(dataId: object): ArrayLike<number> {
  const info = (tf.engine() as unknown as EngineState).state.tensorInfo.get(dataId);
  if (!info) throw new Error("TensorFlow.js does not know this tensor: it was disposed of");
  return info.backend.readSync(dataId);
}

/** A tensor over data that a kernel or a backend has placed. */
export function tensorOf(info: tf.TensorInfo): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}
