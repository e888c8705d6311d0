import { messageOf, StillhouseError } from "../../errors.ts";
import { sizeOf } from "../compiled/kernels/operators.ts";
import { type RecordedKernel, type RecordedTensor, type Recording, record } from "../compiled/record.ts";
import { names } from "../compiled/trainingGraph.ts";
import type { LoadedModel } from "../predictors/openPredictor.ts";
import type { Flops } from "./flops.ts";

/**
 * What a TensorFlow.js model computes for one sample. Nothing is run: its kernels are noted with their shapes.
 * @returns unknown where a kernel is there whose shapes the compiler does not know
 */
export async function modelFlops({ forward, inputShape, batch = 1 }: LoadedModel): Promise<Flops> {
  try {
    const recording = await record(
      (recorder) => {
        const inputs = recorder.input(names.inputs, { shape: [batch, ...inputShape], dtype: "float32" });
        return { [names.logits]: forward(inputs) };
      },
      { computeKnown: true },
    );
    return { known: true, flops: recordedFlops(recording) / batch };
  } catch (error) {
    if (!(error instanceof StillhouseError)) throw error;
    return { known: false, why: messageOf(error) };
  }
}

/** Of all rows that were recorded. */
export function recordedFlops({ kernels }: Recording): number {
  return kernels.reduce((sum, kernel) => sum + 2 * (multiplyAdds[kernel.kernel]?.(kernel) ?? 0), 0);
}

const tensor = ({ inputs }: RecordedKernel, name: string): RecordedTensor => inputs[name] as RecordedTensor;
const outputSize = ({ outputs: [output] }: RecordedKernel): number => sizeOf(output?.shape ?? []);

/** Each number of the output sums over the filter's place and input channels. */
const convolution = (kernel: RecordedKernel): number =>
  outputSize(kernel) * sizeOf(tensor(kernel, "filter").shape.slice(0, 3));

/** Each number of the output sums over the filter's place. */
const depthwise = (kernel: RecordedKernel): number =>
  outputSize(kernel) * sizeOf(tensor(kernel, "filter").shape.slice(0, 2));

const product = (kernel: RecordedKernel): number => {
  const inner = tensor(kernel, "a").shape.at(kernel.attributes.transposeA ? -2 : -1) as number;
  return outputSize(kernel) * inner;
};

const multiplyAdds: Readonly<Record<string, (kernel: RecordedKernel) => number>> = {
  Conv2D: convolution,
  FusedConv2D: convolution,
  DepthwiseConv2dNative: depthwise,
  FusedDepthwiseConv2D: depthwise,
  // A transposed convolution: each number of its input goes to every place and channel of the filter.
  Conv2DBackpropInput: (kernel) =>
    sizeOf(tensor(kernel, "dy").shape) * sizeOf(tensor(kernel, "filter").shape.slice(0, 3)),
  BatchMatMul: product,
  _FusedMatMul: product,
  /** Every combination of all its indices is one. */
  Einsum(kernel) {
    const operands = String(kernel.attributes.equation).replaceAll(" ", "").split("->")[0]?.split(",") ?? [];
    const sizes = new Map<string, number>();
    operands.forEach((indices, i) => {
      [...indices].forEach((index, axis) => {
        sizes.set(index, Object.values(kernel.inputs)[i]?.shape[axis] ?? 1);
      });
    });
    return operands.length > 1 ? sizeOf([...sizes.values()]) : 0;
  },
};
