import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";

const products = ["BatchMatMul", "_FusedMatMul"] as const;
const ours = new WeakSet<tf.KernelFunc>();

/**
 * Makes matrix products with a transposed operand fast on the wasm backend. Its kernels walk such an operand against
 * the grain; transposing it first and multiplying plainly takes a fifth of the time, and every gradient of a dense
 * layer is such a product. Installing twice changes nothing more.
 */
export function installWasmTranspose(): void {
  for (const kernelName of products) {
    const original = tf.getKernel(kernelName, "wasm");
    if (original === undefined || ours.has(original.kernelFunc)) continue;
    const kernelFunc = withPlainOperands(original.kernelFunc);
    ours.add(kernelFunc);
    tf.unregisterKernel(kernelName, "wasm");
    tf.registerKernel({ ...original, kernelFunc });
  }
}

function withPlainOperands(multiply: tf.KernelFunc): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    if (!attrs?.transposeA && !attrs?.transposeB) return multiply({ inputs, attrs: attrs ?? {}, backend });
    const wasm = backend as BackendWasm;
    const temporaries: tf.TensorInfo[] = [];
    const plain = (operand: tf.TensorInfo, transposed: boolean): tf.TensorInfo => {
      if (!transposed) return operand;
      const copy = transposeLastTwo(operand, wasm);
      temporaries.push(copy);
      return copy;
    };
    const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
    const operands = { a: plain(a, Boolean(attrs.transposeA)), b: plain(b, Boolean(attrs.transposeB)) };
    try {
      return multiply({
        inputs: { ...inputs, ...operands },
        attrs: { ...attrs, transposeA: false, transposeB: false },
        backend,
      });
    } finally {
      for (const { dataId } of temporaries) wasm.disposeData(dataId);
    }
  };
}

/** [..., m, n] -> [..., n, m] */
function transposeLastTwo(x: tf.TensorInfo, backend: BackendWasm): tf.TensorInfo {
  const kernel = tf.getKernel("Transpose", "wasm");
  const last = x.shape.length - 1;
  const perm = x.shape.map((_, axis) => (axis === last ? last - 1 : axis === last - 1 ? last : axis));
  return kernel.kernelFunc({ inputs: { x }, attrs: { perm }, backend }) as tf.TensorInfo;
}
