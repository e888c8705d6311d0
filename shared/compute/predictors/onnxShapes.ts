import { messageOf, StillhouseError } from "../../errors.ts";
import { describeTensor, type OnnxTensorType, readOnnx } from "../../model/onnxFile.ts";
import { parseOnnx, withOutputs } from "../../model/onnxProto.ts";
import { sizeOf } from "../compiled/kernels/operators.ts";
import { loadOnnxRuntime, sessionOf } from "../compiled/session.ts";
import { zeroArrays } from "./onnxZeros.ts";
import { tryOnnx } from "./trial/tryOnnx.ts";

/** Shapes of a model's inside that cannot be told without more than the model. */
export class OpenShapes extends StillhouseError {}

/**
 * Shapes of a model's tensors when it runs on one sample of zeros, or on one batch where it fixes that.
 * @param names of tensors, initialisers and inputs too
 * @param sample shape of a sample, for sizes that the model leaves open beside the batch
 * @throws OpenShapes, BadOnnxModel
 */
export async function onnxShapes(
  bytes: Uint8Array,
  names: readonly string[],
  sample?: readonly number[],
): Promise<Map<string, readonly number[]>> {
  const { graph } = parseOnnx(bytes);
  const { inputs, outputs, inner } = readOnnx(bytes);
  const shapes = new Map<string, readonly number[]>(graph.initializer.map(({ name, dims }) => [name, dims]));
  const feeds = inputs.map((input) => [input, sizesOf(input, sample)] as const);
  for (const [{ name }, sizes] of feeds) shapes.set(name, sizes);
  const made = new Set(inner.map(({ name }) => name));
  const wanted = [...new Set(names)].filter((name) => made.has(name));
  if (wanted.length === 0) return shapes;

  await tryOnnx(bytes, [feeds.map(([{ name, dtype }, shape]) => ({ name, dtype, shape }))]);
  const given = new Set(outputs.map(({ name }) => name));
  const model = withOutputs(
    bytes,
    wanted.filter((name) => !given.has(name)),
  );
  const { Tensor } = await loadOnnxRuntime();
  try {
    const session = await sessionOf(model, { threads: 1, spinning: false });
    try {
      const tensors = feeds.map(([{ name, dtype }, sizes]) => {
        const [type, Values] = zeroArrays[dtype as keyof typeof zeroArrays];
        return [name, new Tensor(type as "float32", new Values(sizeOf(sizes)) as Float32Array, sizes)];
      });
      const seen = await session.run(Object.fromEntries(tensors), wanted);
      for (const name of wanted) shapes.set(name, seen[name]?.dims ?? []);
    } finally {
      await session.release();
    }
  } catch (cause) {
    throw new OpenShapes(`ONNX Runtime does not run it on a sample of zeros: ${messageOf(cause)}`, { cause });
  }
  return shapes;
}

function sizesOf(input: OnnxTensorType, sample: readonly number[] | undefined): number[] {
  const { shape, dtype } = input;
  const sizes = shape?.map((n, axis) => n ?? (axis === 0 ? 1 : sample?.[axis - 1]));
  if (dtype in zeroArrays && sizes?.every((n) => n !== undefined)) return sizes as number[];
  throw new OpenShapes(`its input ${describeTensor(input)} leaves open what a sample of zeros is`, {
    fields: { input: input.name },
  });
}
