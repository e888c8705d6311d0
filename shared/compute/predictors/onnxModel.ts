import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { messageOf } from "../../errors.ts";
import {
  describeSignature,
  describeTensor,
  type OnnxSignature,
  type OnnxTensorType,
  readOnnx,
} from "../../model/onnxFile.ts";
import { BadOnnxModel } from "../../model/onnxProto.ts";
import { loadOnnxRuntime, type SessionOptions, sessionOf } from "../compiled/session.ts";
import { type InputPlan, mapInputs, mapOutputs, mappedClasses, planInput } from "./modelMapping.ts";
import { type Predictor, predictInSlices } from "./predictor.ts";

/** Types that samples are given in: ONNX's name, and ONNX Runtime's. */
const inputTypes = {
  float: "float32",
  double: "float64",
  uint8: "uint8",
  int32: "int32",
  int64: "int64",
} as const;
type InputType = keyof typeof inputTypes;

interface Ends {
  readonly input: OnnxTensorType & { readonly dtype: InputType };
  readonly output: OnnxTensorType;
  /** Rows that the model takes at once; null: any number. */
  readonly batch: number | null;
}

/**
 * A predictor of an ONNX model that ONNX Runtime runs as it is. A batch that the model fixes is filled up with copies
 * of its last sample, whose answers are dropped.
 * @param inputShape of the data's samples
 * @throws BadOnnxModel, MappingMismatch, with what the model takes and gives in the message
 */
export async function openOnnxModel(
  bytes: Uint8Array,
  mapping: ModelMapping,
  inputShape: readonly number[],
  options: SessionOptions,
): Promise<Predictor> {
  const signature = readOnnx(bytes);
  const ends = endsOf(signature, mapping);
  const plan = planInput(
    inputShape,
    (ends.input.shape ?? [null, ...inputShape]).slice(1),
    mapping,
    describeSignature(signature),
  );
  const session = await sessionOf(bytes, options).catch((cause: unknown) => {
    throw new BadOnnxModel(`Cannot use the ONNX model: ONNX Runtime refuses it: ${messageOf(cause)}`, {
      cause,
    });
  });
  try {
    const run = runnerOf(session, ends, plan, (await loadOnnxRuntime()).Tensor);
    // A single sample tells how many outputs there are, where the file does not say.
    const { columns } = await run(new Float32Array(plan.factors.length), 1);
    const classes = mappedClasses(columns, mapping);
    return {
      inputShape,
      classes,
      predict: (inputs, rows) =>
        predictInSlices(inputs, rows, { inputShape, classes }, async (slice, count) => {
          const { values, columns: seen } = await run(mapInputs(plan, slice), count);
          return mapOutputs(values, seen, mapping);
        }),
      close: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

function endsOf(signature: OnnxSignature, { input, outputName }: ModelMapping): Ends {
  const taken = named(signature, "input", input);
  const given = named(signature, "output", outputName);
  if (!(taken.dtype in inputTypes)) {
    throw new BadOnnxModel(
      `Cannot use the ONNX model as its input ${describeTensor(taken)} is of a type that samples are not given in: [${Object.keys(inputTypes).join(", ")}] are known`,
      { fields: { dtype: taken.dtype } },
    );
  }
  if (given.dtype !== "float" || (given.shape && given.shape.length !== 2)) {
    throw new BadOnnxModel(
      `Cannot use the ONNX model's output ${describeTensor(given)}: logits or probabilities are float [batch, classes]; it has ${describeSignature(signature)}`,
      { fields: { output: given.name } },
    );
  }
  return { input: taken as Ends["input"], output: given, batch: taken.shape?.[0] ?? null };
}

/** The one that the spec names, or the only one. */
function named(signature: OnnxSignature, what: "input" | "output", name: string | undefined): OnnxTensorType {
  const all = what === "input" ? signature.inputs : signature.outputs;
  const found =
    name === undefined ? (all.length === 1 ? all[0] : undefined) : all.find((end) => end.name === name);
  if (found) return found;
  throw new BadOnnxModel(
    name === undefined
      ? `Cannot choose the ONNX model's ${what} as it has ${all.length}: name one of [${all.map((end) => end.name).join(", ")}] in the spec; it has ${describeSignature(signature)}`
      : `Cannot use the ONNX model's ${what} "${name}" as there is none such: it has ${describeSignature(signature)}`,
    { fields: { [what]: name ?? null, known: all.map((end) => end.name) } },
  );
}

type Run = (inputs: Float32Array, rows: number) => Promise<{ values: Float32Array; columns: number }>;

function runnerOf(
  session: InferenceSession,
  { input, output, batch }: Ends,
  { shape, factors }: InputPlan,
  TensorType: typeof Tensor,
): Run {
  const type = inputTypes[input.dtype];
  const once = async (inputs: Float32Array, rows: number): Promise<Float32Array> => {
    const tensor = new TensorType(type as "float32", asType(inputs, input.dtype) as Float32Array, [
      rows,
      ...shape,
    ]);
    const given = (await session.run({ [input.name]: tensor }, [output.name]))[output.name];
    const [first, columns, ...more] = given?.dims ?? [];
    if (first !== rows || columns === undefined || more.length > 0) {
      throw new BadOnnxModel(
        `Cannot use the ONNX model's output "${output.name}" as it is [${given?.dims.join(", ")}] for ${rows} samples: expected [${rows}, classes]`,
        { fields: { output: output.name, dims: given?.dims } },
      );
    }
    return given?.data as Float32Array;
  };
  return async (inputs, rows) => {
    if (batch === null) {
      const values = await once(inputs, rows);
      return { values, columns: values.length / rows };
    }
    const size = factors.length;
    let all: Float32Array | undefined;
    let columns = 0;
    for (let from = 0; from < rows; from += batch) {
      const whole = new Float32Array(batch * size);
      for (let row = 0; row < batch; row++) {
        const source = Math.min(from + row, rows - 1) * size;
        whole.set(inputs.subarray(source, source + size), row * size);
      }
      const values = await once(whole, batch);
      columns = values.length / batch;
      all ??= new Float32Array(rows * columns);
      all.set(values.subarray(0, Math.min(batch, rows - from) * columns), from * columns);
    }
    return { values: all as Float32Array, columns };
  };
}

/** Whole numbers, as bytes and token ids are, are rounded to where a type needs it. */
function asType(inputs: Float32Array, dtype: InputType) {
  switch (dtype) {
    case "float":
      return inputs;
    case "double":
      return Float64Array.from(inputs);
    case "uint8":
      return Uint8Array.from(inputs, Math.round);
    case "int32":
      return Int32Array.from(inputs, Math.round);
    case "int64":
      return BigInt64Array.from(inputs, (value) => BigInt(Math.round(value)));
  }
}
