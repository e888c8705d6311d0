import * as tf from "@tensorflow/tfjs";
import { openNativeBuild } from "../../shared/compute/native/openNativeBuild.ts";
import { StillhouseError } from "../../shared/errors.ts";

/** A build loads, and computes something else than TensorFlow.js. */
export class NativeDiffers extends StillhouseError {}

/** What a build says of itself. */
export interface CheckedBuild {
  tensorflow: string;
  gpu: boolean;
  /** The largest distance of a number to TensorFlow.js's. */
  difference: number;
}

const ALLOWED = 1e-4;

/**
 * Loads the build in a folder into this process and compares a convolution and its gradients with plain TensorFlow.js.
 * @throws NativeDiffers
 */
export async function checkBuild(folder: string): Promise<CheckedBuild> {
  tf.enableProdMode();
  await openNativeBuild(folder);
  const native = tf.backend() as { isUsingGpuDevice?: boolean; binding?: { TF_Version?: string } };
  const { TF_Version: tensorflow = "unknown" } = native.binding ?? {};
  const seen = await computed("tensorflow");
  const expected = await computed("cpu");
  const difference = seen.reduce(
    (most, x, i) => Math.max(most, Math.abs(x - (expected[i] ?? Number.NaN))),
    0,
  );
  if (!(difference <= ALLOWED) || seen.length !== expected.length) {
    throw new NativeDiffers(
      `Cannot use the build in ${folder}: a convolution's gradients differ from TensorFlow.js by ${difference}, allowed are ${ALLOWED}`,
      { fields: { folder, difference } },
    );
  }
  return { tensorflow, gpu: native.isUsingGpuDevice === true, difference };
}

/** The value and the gradients of a small convolution, pooled. */
async function computed(backend: string): Promise<number[]> {
  await tf.setBackend(backend);
  return tf.tidy(() => {
    const wave = (shape: number[], phase: number): tf.Tensor4D => {
      const values = Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) =>
        Math.sin(i * 1.7 + phase),
      );
      return tf.tensor(values, shape as [number, number, number, number]);
    };
    const { value, grads } = tf.valueAndGrads((x, w) =>
      tf
        .conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same")
        .relu()
        .maxPool([2, 2], 2, "same")
        .square()
        .mean(),
    )([wave([2, 8, 8, 3], 0), wave([3, 3, 3, 4], 1)]);
    return [value, ...grads].flatMap((tensor) => [...tensor.dataSync()]);
  });
}
