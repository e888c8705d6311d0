import { StillhouseError } from "../../errors.ts";

/** Element types in a graph: TensorFlow.js's, and int64, which ONNX wants for shapes, axes and indices. */
export type ElementType = "float32" | "int32" | "bool" | "int64";

export interface Float {
  readonly float: number;
}
/** An attribute that is a floating-point number; plain numbers are integers. */
export function float(value: number): Float {
  return { float: value };
}
export type Attribute = number | readonly number[] | string | Float;

export interface OnnxNode {
  type: string;
  /** "" where an optional input is left out. */
  inputs: string[];
  outputs: string[];
  attributes: Record<string, Attribute>;
}

export interface NamedTensorType {
  name: string;
  dtype: ElementType;
  /** -1 where the size is not fixed. */
  shape: readonly number[];
}

export interface OnnxConstant extends NamedTensorType {
  /** Little-endian, row-major. */
  bytes: Uint8Array;
}

/** A whole graph of standard ONNX operators, ready to be encoded. */
export interface OnnxGraph {
  nodes: OnnxNode[];
  constants: OnnxConstant[];
  inputs: NamedTensorType[];
  outputs: NamedTensorType[];
}

/**
 * A tensor in the graph. Its shape is that of TensorFlow.js; images are [batch, height, width, channels]. What was
 * computed with channels first keeps that form beside it, and is transposed only where somebody asks.
 */
export interface Value {
  readonly shape: readonly number[];
  readonly dtype: ElementType;
  /** The same tensor as [batch, channels, height, width], where the graph has it. */
  readonly channelsFirst?: Value;
  /** Its values are part of the graph. */
  readonly constant?: true;
  /** Values, where they are known while the graph is built and few. */
  readonly known?: readonly number[];
}

/** The lowering has a mistake, or was given what it cannot express. */
export class LoweringError extends StillhouseError {}

export interface TypeAndShape {
  readonly shape: readonly number[];
  readonly dtype: ElementType;
}

const KNOWN_UP_TO = 64;

/** Builds a graph node by node. The same operation on the same values is there once. */
export class Graph {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxConstant[] = [];
  readonly #inputs: NamedTensorType[] = [];
  readonly #outputs: { name: string; value: Value }[] = [];
  readonly #names = new Map<Value, string>();
  readonly #made = new Map<string, readonly Value[]>();

  input(name: string, { shape, dtype }: TypeAndShape): Value {
    const value: Value = { shape, dtype };
    this.#names.set(value, name);
    this.#inputs.push({ name, shape, dtype });
    return value;
  }

  /** @param values row-major; bool as 0 and 1 */
  constant(values: ArrayLike<number>, { shape, dtype }: TypeAndShape): Value {
    const bytes = bytesOf(values, dtype);
    const key = `constant ${dtype} [${shape}] ${Buffer.from(bytes).toString("latin1")}`;
    return this.#once(key, () => {
      const known = values.length <= KNOWN_UP_TO ? Array.from(values) : undefined;
      const value: Value = { shape, dtype, constant: true, ...(known ? { known } : {}) };
      const name = `c${this.#names.size}`;
      this.#names.set(value, name);
      this.#constants.push({ name, shape, dtype, bytes });
      return [value];
    })[0] as Value;
  }

  scalar(value: number, dtype: ElementType = "float32"): Value {
    return this.constant([value], { shape: [], dtype });
  }

  /** A list of whole numbers, as shapes, axes and pads are given. */
  list(values: readonly number[]): Value {
    return this.constant(values, { shape: [values.length], dtype: "int64" });
  }

  /** One operator of the standard domain with one output. */
  op(
    type: string,
    inputs: readonly (Value | null)[],
    output: TypeAndShape,
    attributes: Record<string, Attribute> = {},
  ): Value {
    return this.ops(type, inputs, [output], attributes)[0] as Value;
  }

  /** One operator with several outputs. */
  ops(
    type: string,
    inputs: readonly (Value | null)[],
    outputs: readonly TypeAndShape[],
    attributes: Record<string, Attribute> = {},
  ): readonly Value[] {
    const names = inputs.map((value) => (value ? this.#nameOf(value) : ""));
    const key = `${type}(${names}) ${outputs.length} ${JSON.stringify(attributes)}`;
    return this.#once(key, () => {
      const values = outputs.map(({ shape, dtype }) => {
        const value: Value = { shape, dtype };
        this.#names.set(value, `t${this.#names.size}`);
        return value;
      });
      this.#nodes.push({
        type,
        inputs: names,
        outputs: values.map((v) => this.#names.get(v) as string),
        attributes,
      });
      return values;
    });
  }

  /** The tensor with channels first: [batch, channels, height, width]. */
  channelsFirst(image: Value): Value {
    if (image.channelsFirst) return image.channelsFirst;
    const [n, h, w, c] = image.shape as [number, number, number, number];
    return this.op("Transpose", [image], { shape: [n, c, h, w], dtype: image.dtype }, { perm: [0, 3, 1, 2] });
  }

  /** A tensor that is there with channels first; in the usual form it comes to be when somebody uses it so. */
  fromChannelsFirst(value: Value): Value {
    const [n, c, h, w] = value.shape as [number, number, number, number];
    return this.#once(`channelsLast(${this.#nameOf(value)})`, () => [
      { shape: [n, h, w, c], dtype: value.dtype, channelsFirst: value },
    ])[0] as Value;
  }

  output(name: string, value: Value): void {
    this.#outputs.push({ name, value });
  }

  /** The graph of what the outputs need. */
  finish(): OnnxGraph {
    const renamed = new Map<string, string>();
    const values = this.#outputs.map(({ value }) => this.#nameOf(value)); // may add a transpose
    const made = new Set(this.#nodes.flatMap(({ outputs }) => outputs));
    const copies: OnnxNode[] = [];
    const outputs = this.#outputs.map(({ name, value }, i) => {
      const source = values[i] as string;
      // An input, a constant and what is an output already are copied; all else takes the output's name.
      if (renamed.has(source) || !made.has(source)) {
        copies.push({ type: "Identity", inputs: [source], outputs: [name], attributes: {} });
      } else renamed.set(source, name);
      return { name, shape: value.shape, dtype: value.dtype };
    });
    const rename = (name: string): string => renamed.get(name) ?? name;
    const nodes = [...this.#nodes, ...copies].map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    }));
    return withoutDeadNodes({ nodes, constants: this.#constants, inputs: this.#inputs, outputs });
  }

  #nameOf(value: Value): string {
    const name = this.#names.get(value);
    if (name !== undefined) return name;
    const first = value.channelsFirst;
    if (!first) throw new LoweringError(`Cannot use a value of shape [${value.shape}] of another graph`);
    const { shape, dtype } = value;
    const last = this.op("Transpose", [first], { shape, dtype }, { perm: [0, 2, 3, 1] });
    this.#names.set(value, this.#names.get(last) as string);
    return this.#names.get(value) as string;
  }

  #once(key: string, make: () => readonly Value[]): readonly Value[] {
    const made = this.#made.get(key) ?? make();
    this.#made.set(key, made);
    return made;
  }
}

/** What the outputs need of a graph whose nodes are in order. */
export function withoutDeadNodes({ nodes, constants, inputs, outputs }: OnnxGraph): OnnxGraph {
  const needed = new Set(outputs.map(({ name }) => name));
  const alive: OnnxNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    alive.push({ ...node, outputs: withoutUnusedTail(node, needed) });
  }
  return {
    nodes: alive.reverse(),
    constants: constants.filter(({ name }) => needed.has(name)),
    inputs: inputs.filter(({ name }) => needed.has(name)),
    outputs,
  };
}

function withoutUnusedTail({ type, outputs }: OnnxNode, needed: ReadonlySet<string>): string[] {
  // As many outputs as its list of sizes, used or not.
  if (type === "Split") return [...outputs];
  let last = outputs.length;
  while (last > 1 && !needed.has(outputs[last - 1] as string)) last--;
  return outputs.slice(0, last);
}

function bytesOf(values: ArrayLike<number>, dtype: ElementType): Uint8Array {
  switch (dtype) {
    case "float32":
      return new Uint8Array(Float32Array.from(values).buffer);
    case "int32":
      return new Uint8Array(Int32Array.from(values).buffer);
    case "bool":
      return Uint8Array.from(values);
    case "int64":
      return new Uint8Array(BigInt64Array.from(Array.from(values), BigInt).buffer);
  }
}
