import { messageOf, StillhouseError } from "../../errors.ts";
import type { OnnxSignature } from "../../model/onnxFile.ts";
import { readOnnx } from "../../model/onnxFile.ts";
import { isStandard, type NodeProto, parseOnnx } from "../../model/onnxProto.ts";
import { sizeOf } from "../compiled/kernels/operators.ts";
import { onnxShapes } from "../predictors/onnxShapes.ts";
import type { Flops } from "./flops.ts";

/** Operators that do next to all of a model's work, and places of the operands that tell how much. */
interface Product {
  readonly a: number;
  readonly b: number;
  multiplyAdds(shapes: { a: number[]; b: number[]; out: number[] }, node: NodeProto): number;
}

const convolution = ({ b, out }: { b: number[]; out: number[] }): number => sizeOf(out) * sizeOf(b.slice(1)); // [out channels, channels of a group, ...place]
const matrices = ({ a, out }: { a: number[]; out: number[] }): number => sizeOf(out) * (a.at(-1) ?? 1);

const products: Readonly<Record<string, Product>> = {
  Conv: { a: 0, b: 1, multiplyAdds: convolution },
  ConvInteger: { a: 0, b: 1, multiplyAdds: convolution },
  QLinearConv: { a: 0, b: 3, multiplyAdds: convolution },
  // Each number of the input goes to every place of the filter, whose first axis is the input's channels.
  ConvTranspose: { a: 0, b: 1, multiplyAdds: ({ a, b }) => sizeOf(a) * sizeOf(b.slice(1)) },
  MatMul: { a: 0, b: 1, multiplyAdds: matrices },
  MatMulInteger: { a: 0, b: 1, multiplyAdds: matrices },
  QLinearMatMul: { a: 0, b: 3, multiplyAdds: matrices },
  Gemm: {
    a: 0,
    b: 1,
    multiplyAdds: ({ a, out }, { attribute }) =>
      sizeOf(out) * (a[attribute.some(({ name, i }) => name === "transA" && i === 1) ? 0 : 1] ?? 1),
  },
};

/** Standard operators whose products are not counted here. */
const uncounted = new Set(["Einsum", "LSTM", "GRU", "RNN", "DeformConv", "Attention", "If", "Scan", "Loop"]);

/**
 * What an ONNX model computes for one sample, from the shapes that it has when it is run on one sample of zeros.
 * @param sample shape of a sample, for sizes that the model leaves open; absent: it may leave none open but the batch
 * @returns unknown where an operator does work that is not counted here, or a size is open
 */
export async function onnxFlops(bytes: Uint8Array, sample?: readonly number[]): Promise<Flops> {
  const { graph, functions } = parseOnnx(bytes);
  const odd = graph.node.find(({ opType, domain }) => !isStandard(domain) || uncounted.has(opType));
  if (odd || functions.length > 0) {
    return { known: false, why: `its operator ${odd?.opType ?? "is a function"} is not counted` };
  }
  const signature = readOnnx(bytes);
  const counted = graph.node.flatMap((node) => {
    const product = products[node.opType];
    return product ? [{ node, product }] : [];
  });
  const ends = counted.map(({ node: { input, output }, product: { a, b } }) => ({
    a: input[a] ?? "",
    b: input[b] ?? "",
    out: output[0] ?? "",
  }));
  try {
    const shapes = await onnxShapes(
      bytes,
      ends.flatMap(({ a, b, out }) => [a, b, out]),
      sample,
    );
    const of = (name: string): number[] => [...(shapes.get(name) ?? [])];
    const multiplyAdds = counted.reduce((sum, { node, product }, i) => {
      const { a, b, out } = ends[i] as (typeof ends)[number];
      return sum + product.multiplyAdds({ a: of(a), b: of(b), out: of(out) }, node);
    }, 0);
    return { known: true, flops: (2 * multiplyAdds) / (batchOf(signature) ?? 1) };
  } catch (error) {
    if (!(error instanceof StillhouseError)) throw error;
    return { known: false, why: messageOf(error) };
  }
}

function batchOf({ inputs: [input] }: OnnxSignature): number | null | undefined {
  return input?.shape?.[0];
}
