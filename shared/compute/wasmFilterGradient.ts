import * as tf from "@tensorflow/tfjs";
import type { KernelAttributes } from "./compiled/kernelRule.ts";
import { convolutionWindows } from "./compiled/kernels/convolutionGeometry.ts";

/**
 * Gives the wasm backend the gradient of a convolution by its filter, which it lacks, as one matrix product for each
 * place of the filter:
 *
 *   dW[i, j] = X[i, j]^T dY,   X[i, j] = the pixels of the padded image that the filter's place (i, j) meets
 *
 * The cpu backend's plain loops, copied there and back, take many times as long. Installing twice changes nothing
 * more.
 */
export function installWasmFilterGradient(): void {
  const kernelName = "Conv2DBackpropFilter";
  if (tf.getKernel(kernelName, "wasm") !== undefined) return;
  tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc: filterGradient });
}

const filterGradient: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
  const filterShape = (attrs as unknown as { filterShape: number[] }).filterShape;
  const windows = convolutionWindows(x.shape, filterShape, attrs as KernelAttributes);
  const { batch, channels, outChannels, output, size, strides, before, after } = windows;
  const made: tf.TensorInfo[] = [];
  const run = (
    kernel: string,
    given: Record<string, tf.TensorInfo> | tf.TensorInfo[],
    attributes: object,
  ): tf.TensorInfo => {
    const { kernelFunc } = tf.getKernel(kernel, "wasm");
    const inputs = given as tf.NamedTensorInfoMap; // a list, where a kernel takes one
    const result = kernelFunc({ inputs, attrs: { ...attributes }, backend }) as tf.TensorInfo;
    made.push(result);
    return result;
  };
  try {
    // Image by image, and then over the batch: one long sum in single precision would lose three digits.
    const pixels = output[0] * output[1];
    const around = (axis: 0 | 1): number[] => [before[axis], Math.max(0, after[axis])];
    const paddings = [[0, 0], around(0), around(1), [0, 0]];
    const padded = run("PadV2", { x }, { paddings, constantValue: 0 }); // [batch, h + pads, w + pads, in]
    const rows = { ...dy, shape: [batch, pixels, outChannels] };
    const places: tf.TensorInfo[] = [];
    for (let i = 0; i < size[0]; i++) {
      for (let j = 0; j < size[1]; j++) {
        const met = run(
          "StridedSlice",
          { x: padded },
          {
            begin: [0, i, j, 0],
            end: [
              batch,
              i + (output[0] - 1) * strides[0] + 1,
              j + (output[1] - 1) * strides[1] + 1,
              channels,
            ],
            strides: [1, ...strides, 1],
            beginMask: 0,
            endMask: 0,
            ellipsisMask: 0,
            newAxisMask: 0,
            shrinkAxisMask: 0,
          },
        ); // [batch, out h, out w, in]
        const columns = { ...met, shape: [batch, pixels, channels] };
        const products = run("BatchMatMul", { a: columns, b: rows }, { transposeA: true, transposeB: false }); // [batch, in, out]
        places.push(run("Sum", { x: products }, { axis: [0], keepDims: true })); // [1, in, out] // [1, in, out]
      }
    }
    const joined = run("Concat", places, { axis: 0 }); // [h w, in, out]
    made.splice(made.indexOf(joined), 1);
    return { ...joined, shape: [...filterShape] };
  } finally {
    for (const { dataId } of made) (backend as tf.KernelBackend).disposeData(dataId);
  }
};
