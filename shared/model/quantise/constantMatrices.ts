import { floatsOfBytes } from "../bytes.ts";
import type { GraphProto, NodeProto, TensorProto } from "../onnxProto.ts";

/** A constant of floats. */
export interface Constant {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

const FLOAT = 1;
const INT64 = 7;

/** Finds what is constant in a graph: initialisers, constants, and what is only put into another form. */
export class Constants {
  readonly #tensors: Map<string, TensorProto>;
  readonly #makers: Map<string, NodeProto>;

  constructor({ initializer, node }: GraphProto) {
    this.#tensors = new Map(initializer.map((tensor) => [tensor.name, tensor]));
    this.#makers = new Map(node.flatMap((one) => one.output.map((name) => [name, one])));
  }

  /** The floats under this name; undefined where they come to be only when the graph runs. */
  floats(name: string): Constant | undefined {
    const tensor = this.#tensorOf(name);
    if (tensor) {
      const values = tensor.dataType === FLOAT ? floatsOf(tensor) : undefined;
      return values && { shape: tensor.dims, values };
    }
    const maker = this.#makers.get(name);
    const [given = "", sizes = ""] = maker?.input ?? [];
    switch (maker?.opType) {
      case "Identity":
        return this.floats(given);
      case "Reshape": {
        const constant = this.floats(given);
        const wanted = this.#integers(sizes);
        return constant && wanted && reshaped(constant, wanted);
      }
      case "Transpose": {
        const constant = this.floats(given);
        return constant?.shape.length === 2 && isSwap(maker) ? transposed(constant) : undefined;
      }
      default:
        return undefined;
    }
  }

  #integers(name: string): number[] | undefined {
    const tensor = this.#tensorOf(name);
    if (tensor?.dataType !== INT64) return undefined;
    if (!tensor.rawData?.length) return tensor.int64Data.map(Number);
    const { buffer } = new Uint8Array(tensor.rawData);
    return Array.from(new BigInt64Array(buffer), Number);
  }

  #tensorOf(name: string): TensorProto | undefined {
    const maker = this.#makers.get(name);
    if (maker?.opType !== "Constant") return this.#tensors.get(name);
    return maker.attribute.find((attribute) => attribute.name === "value")?.t;
  }
}

function floatsOf({ rawData, floatData }: TensorProto): Float32Array {
  return rawData?.length ? floatsOfBytes(rawData) : Float32Array.from(floatData as number[]);
}

function reshaped({ shape, values }: Constant, sizes: readonly number[]): Constant | undefined {
  // 0 takes the size of that place, -1 what is left.
  const taken = sizes.map((n, i) => (n === 0 ? (shape[i] ?? 0) : n));
  const rest = values.length / taken.reduce((product, n) => (n === -1 ? product : product * n), 1);
  const full = taken.map((n) => (n === -1 ? rest : n));
  return full.reduce((product, n) => product * n, 1) === values.length ? { shape: full, values } : undefined;
}

function isSwap({ attribute }: NodeProto): boolean {
  const perm = attribute.find(({ name }) => name === "perm")?.ints ?? [1, 0];
  return perm.length === 2 && perm[0] === 1;
}

/** [rows, columns] -> [columns, rows] */
export function transposed({ shape: [rows = 0, columns = 0], values }: Constant): Constant {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return { shape: [columns, rows], values: turned };
}
