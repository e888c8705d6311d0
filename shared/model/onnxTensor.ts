import { BadOnnxModel, type TensorProto } from "./onnxProto.ts";

/** More than any teacher that fits beside its data: 4 GiB of floats. */
const MOST_ELEMENTS = 2 ** 30;

const dtypes = [
  ["undefined", 0],
  ["float", 4],
  ["uint8", 1],
  ["int8", 1],
  ["uint16", 2],
  ["int16", 2],
  ["int32", 4],
  ["int64", 8],
  ["string", 0],
  ["bool", 1],
  ["float16", 2],
  ["double", 8],
  ["uint32", 4],
  ["uint64", 8],
  ["complex64", 8],
  ["complex128", 16],
  ["bfloat16", 2],
] as const;

/** An element type by ONNX's number of it. Newer ones, as those of 4 bits, are packed in other ways, and are not known. */
export function elementType(dataType: number): { name: string; size: number; known: boolean } {
  const found = dtypes[dataType];
  return { name: found?.[0] ?? `type ${dataType}`, size: found?.[1] ?? 0, known: found !== undefined };
}

/** @throws BadOnnxModel for more numbers than any teacher has */
export function checkedElements({ name, dims }: Pick<TensorProto, "name" | "dims">): number {
  const count = elements(dims);
  if (count <= MOST_ELEMENTS) return count;
  throw new BadOnnxModel(
    `Cannot use the ONNX model as its tensor "${name}" is declared as [${dims.join(", ")}], ${count} numbers: at most ${MOST_ELEMENTS} are allowed`,
    { fields: { tensor: name, dims } },
  );
}

/** A tensor holds what it declares, and holds it itself. */
export function checkTensor(tensor: TensorProto): void {
  const { name, dims, dataType, rawData, externalData, dataLocation } = tensor;
  if (dataLocation !== 0 || externalData.length > 0) {
    const location = externalData.find(({ key }) => key === "location")?.value ?? "another file";
    throw new BadOnnxModel(
      `Cannot use the ONNX model as its tensor "${name}" lies outside of it, in "${location}": save it as one file (onnx.save without save_as_external_data)`,
      { fields: { tensor: name, location } },
    );
  }
  const count = checkedElements(tensor);
  const { name: dtype, size, known } = elementType(dataType);
  const held = rawData?.length
    ? size === 0
      ? Number.NaN
      : rawData.length / size
    : Math.max(...listsOf(tensor).map((list) => list.length));
  if (known && held !== count) {
    throw new BadOnnxModel(
      `Cannot use the ONNX model as its tensor "${name}" is declared as ${dtype} [${dims.join(", ")}], ${count} numbers: it holds ${held}`,
      { fields: { tensor: name, dims, held } },
    );
  }
}

function listsOf(tensor: TensorProto): readonly unknown[][] {
  const { floatData, int32Data, int64Data, doubleData, uint64Data, stringData } = tensor;
  return [floatData, int32Data, int64Data, doubleData, uint64Data, stringData];
}

export function elements(dims: readonly number[]): number {
  return dims.reduce((product, n) => (n >= 0 ? product * n : Number.NaN), 1);
}
