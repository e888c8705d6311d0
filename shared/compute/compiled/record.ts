import * as tf from "@tensorflow/tfjs";
import { StillhouseError } from "../../errors.ts";
import { throughCpu } from "../throughCpu.ts";
import type { TypeAndShape } from "./graph.ts";
import type { KernelAttributes } from "./kernelRule.ts";
import { sizeOf } from "./kernels/operators.ts";
import { kernelRules } from "./kernels/registry.ts";
import { readData, tensorOf } from "./tensorflowInternals.ts";

/** A tensor that a recorded kernel took or gave: `id` is the same wherever the data is the same. */
export interface RecordedTensor extends TypeAndShape {
  readonly id: object;
}

export interface RecordedKernel {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, RecordedTensor>>;
  readonly attributes: KernelAttributes;
  readonly outputs: readonly RecordedTensor[];
}

/** A straight line of kernels: what a piece of TensorFlow.js code does to its inputs, without their values. */
export interface Recording {
  readonly kernels: readonly RecordedKernel[];
  readonly inputs: ReadonlyMap<string, RecordedTensor>;
  /** Values that the code brought along, in the order of their first use. */
  readonly constants: ReadonlyMap<object, RecordedConstant>;
  readonly outputs: ReadonlyMap<string, RecordedTensor>;
}

export interface RecordedConstant extends TypeAndShape {
  readonly values: ArrayLike<number>;
}

/** A kernel that the compiler has no rule for. */
export class UnsupportedKernel extends StillhouseError {}

/** Code that asks for a tensor's values cannot be recorded: they are not known yet. */
export class ValueReadWhileRecording extends StillhouseError {}

export interface RecordOptions {
  /**
   * Whether kernels on whole numbers that are known, and few, are computed instead of noted: a graph that was made for
   * another program takes shapes apart and puts them together by kernels, and then asks for the values.
   */
  readonly computeKnown?: boolean;
}

/** Names the inputs of a recording, from inside of it. */
export interface Recorder {
  /** A new input. */
  input(name: string, type: TypeAndShape): tf.Tensor;
  /** Makes a tensor that is there already an input: a variable. */
  adopt(name: string, tensor: tf.Tensor): void;
}

const BACKEND = "stillhouse-record";
/** Numbers in a list of sizes, with room. */
const KNOWN_UP_TO = 64;
/** What graphs do with sizes. None of these gives more numbers than it takes, but for lists that are joined. */
const ofSizes = new Set(
  `Add Cast Concat ExpandDims FloorDiv GatherV2 Identity Max Maximum Min Minimum Mod Multiply Neg Pack Prod RealDiv Reshape
  Reverse Select Slice SplitV StridedSlice Sub Sum Transpose Unpack`.split(/\s+/),
);

/**
 * Runs `body` with kernels that compute shapes alone, and notes what they were asked for.
 * @returns the recording; its outputs are the tensors that `body` returned
 * @throws UnsupportedKernel, ValueReadWhileRecording
 */
export async function record(
  body: (recorder: Recorder) => Record<string, tf.Tensor>,
  { computeKnown = false }: RecordOptions = {},
): Promise<Recording> {
  const backend = recordBackend();
  const before = tf.getBackend();
  await tf.setBackend(BACKEND);
  const tape = new Tape(computeKnown);
  backend.tape = tape;
  try {
    tf.tidy(() => {
      const outputs = body({
        input: (name, { shape, dtype }) => {
          const placeholder = tensorOf({
            dataId: backend.place(),
            shape: [...shape],
            dtype: dtype as tf.DataType,
          });
          tape.inputs.set(name, recorded(placeholder));
          return placeholder;
        },
        adopt: (name, tensor) => void tape.inputs.set(name, recorded(tensor)),
      });
      for (const [name, tensor] of Object.entries(outputs)) {
        const output = recorded(tensor);
        tape.see(output);
        tape.outputs.set(name, output);
      }
    });
  } finally {
    backend.tape = null;
    await tf.setBackend(before);
  }
  return tape;
}

class Tape implements Recording {
  readonly kernels: RecordedKernel[] = [];
  readonly inputs = new Map<string, RecordedTensor>();
  readonly constants = new Map<object, RecordedConstant>();
  readonly outputs = new Map<string, RecordedTensor>();
  readonly made = new WeakSet<object>();
  readonly computeKnown: boolean;

  constructor(computeKnown: boolean) {
    this.computeKnown = computeKnown;
  }

  /** What no kernel made and no input is, is a constant. */
  see(tensor: RecordedTensor): void {
    if (this.constants.has(tensor.id) || !this.#isConstant(tensor)) return;
    this.constants.set(tensor.id, { ...tensor, values: Array.from(readData(tensor.id)) });
  }

  /** Whether the values of all these are known, whole and few. */
  knows(kernel: string, tensors: readonly RecordedTensor[]): boolean {
    return (
      this.computeKnown &&
      ofSizes.has(kernel) &&
      tensors.length > 0 &&
      tensors.every((t) => t.dtype === "int32" && sizeOf(t.shape) <= KNOWN_UP_TO && this.#isConstant(t))
    );
  }

  #isConstant({ id }: RecordedTensor): boolean {
    if (this.made.has(id)) return false;
    for (const input of this.inputs.values()) if (input.id === id) return false;
    return true;
  }
}

function recorded({ dataId, shape, dtype }: tf.TensorInfo): RecordedTensor {
  return { id: dataId, shape: [...shape], dtype: dtype as RecordedTensor["dtype"] };
}

/** Holds no numbers but those that code writes itself. */
class RecordBackend extends tf.KernelBackend {
  tape: Tape | null = null;
  readonly #references = new Map<object, number>();
  readonly #written = new WeakMap<object, tf.backend_util.BackendValues>();

  place(): object {
    const id = {};
    this.#references.set(id, 1);
    return id;
  }
  override write(values: tf.backend_util.BackendValues): object {
    const id = this.place();
    this.#written.set(id, values);
    return id;
  }
  override move(
    id: object,
    values: tf.backend_util.BackendValues,
    _shape: number[],
    _dtype: string,
    references: number,
  ): void {
    this.#references.set(id, references);
    this.#written.set(id, values);
  }
  override readSync(id: object): tf.backend_util.BackendValues {
    const values = this.#written.get(id);
    if (values) return values;
    throw new ValueReadWhileRecording(
      "Cannot record the step as it reads the values of a tensor (dataSync, data or arraySync): what it decides by them must be computed with tensors",
    );
  }
  override async read(id: object): Promise<tf.backend_util.BackendValues> {
    return this.readSync(id);
  }
  override refCount(id: object): number {
    return this.#references.get(id) ?? 0;
  }
  override incRef(id: object): void {
    this.#references.set(id, this.refCount(id) + 1);
  }
  override disposeData(id: object, force?: boolean): boolean {
    const left = this.refCount(id) - 1;
    if (left > 0 && !force) {
      this.#references.set(id, left);
      return false;
    }
    this.#references.delete(id);
    return true;
  }
  override numDataIds(): number {
    return this.#references.size;
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override dispose(): void {}
}

let registered: RecordBackend | null = null;

function recordBackend(): RecordBackend {
  if (registered) return registered;
  const backend = new RecordBackend();
  tf.registerBackend(BACKEND, () => backend, 0);
  const known = new Set(kernelRules.map(({ kernel }) => kernel));
  for (const { kernel, infer } of kernelRules) {
    tf.registerKernel({
      kernelName: kernel,
      backendName: BACKEND,
      kernelFunc({ inputs, attrs }) {
        const { tape } = backend;
        if (!tape) throw new Error("The recording backend computes nothing: it is not to be chosen");
        const given: Record<string, RecordedTensor> = {};
        for (const [name, info] of Object.entries(inputs)) {
          if (info) given[name] = recorded(info as tf.TensorInfo); // else an optional input that is left out
        }
        const taken = Object.values(given);
        if (tape.knows(kernel, taken)) return computed(kernel, inputs, attrs, backend);
        for (const tensor of taken) tape.see(tensor);
        const attributes = { ...attrs };
        const types = infer(given, attributes);
        const outputs = [types].flat().map(({ shape, dtype }) => ({ id: backend.place(), shape, dtype }));
        for (const { id } of outputs) tape.made.add(id);
        tape.kernels.push({ kernel, inputs: given, attributes, outputs });
        const infos = outputs.map(({ id, shape, dtype }) => ({
          dataId: id,
          shape: [...shape],
          dtype: dtype as tf.DataType,
        }));
        return Array.isArray(types) ? infos : (infos[0] as tf.TensorInfo);
      },
    });
  }
  // Any other kernel of the library says which it is.
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
    if (known.has(kernelName)) continue;
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc({ inputs, attrs }) {
        const taken = Object.values(inputs ?? {}).flatMap((i) => (i ? [recorded(i as tf.TensorInfo)] : []));
        if (backend.tape?.knows(kernelName, taken)) return computed(kernelName, inputs, attrs, backend);
        const shapes = Object.values(inputs ?? {}).map((info) => `[${(info as tf.TensorInfo)?.shape}]`);
        throw new UnsupportedKernel(
          `Cannot compile the step as it uses the kernel ${kernelName} on inputs of shape ${shapes.join(", ")}: the compiled backend has no rule for it`,
          { fields: { kernel: kernelName } },
        );
      },
    });
  }
  registered = backend;
  return backend;
}

/** A kernel's outputs, now. */
function computed(
  kernelName: string,
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap | undefined,
  backend: RecordBackend,
): tf.TensorInfo | tf.TensorInfo[] {
  return throughCpu(kernelName, inputs, attrs, {
    read: ({ dataId }) => readData(dataId) as tf.BackendValues,
    write: (values) => backend.write(values),
  });
}
