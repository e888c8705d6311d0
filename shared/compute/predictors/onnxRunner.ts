import type { Tensor } from "onnxruntime-node";
import { messageOf } from "../../errors.ts";
import type { OnnxTensorType } from "../../model/onnxFile.ts";
import { BadOnnxModel } from "../../model/onnxProto.ts";
import { loadOnnxRuntime, type SessionOptions, sessionOf } from "../compiled/session.ts";
import type { GivenTensor } from "./predictor.ts";

/** Types that samples are given in: ONNX's name, and ONNX Runtime's. */
export const inputTypes = {
  float: "float32",
  double: "float64",
  uint8: "uint8",
  int32: "int32",
  int64: "int64",
} as const;
export type InputType = keyof typeof inputTypes;

/** The input of a model that takes the samples. */
export interface OnnxInput extends OnnxTensorType {
  readonly dtype: InputType;
}

/** An ONNX model in ONNX Runtime, from samples to some of its tensors. Release it after use. */
export interface OnnxRunner {
  /** @param inputs [rows, ...], as the model takes them @returns the tensors, in the order in which they were wanted */
  run(inputs: Float32Array, rows: number): Promise<GivenTensor[]>;
  release(): Promise<void>;
}

/**
 * @param sample shape of one, as the model takes it
 * @param wanted names of outputs
 * @throws BadOnnxModel where ONNX Runtime refuses the model
 */
export async function openOnnxRunner(
  bytes: Uint8Array,
  input: OnnxInput,
  sample: readonly number[],
  wanted: readonly string[],
  options: SessionOptions,
): Promise<OnnxRunner> {
  const { Tensor: TensorType } = await loadOnnxRuntime();
  const session = await sessionOf(bytes, options).catch((cause: unknown) => {
    throw new BadOnnxModel(`Cannot use the ONNX model: ONNX Runtime refuses it: ${messageOf(cause)}`, {
      cause,
    });
  });
  const type = inputTypes[input.dtype] as "float32";
  return {
    async run(inputs, rows) {
      const values = asType(inputs, input.dtype) as Float32Array;
      const tensor = new TensorType(type, values, [rows, ...sample]);
      const given = await session.run({ [input.name]: tensor }, wanted);
      return wanted.map((name) => floatsOf(name, given[name] as Tensor));
    },
    release: () => session.release(),
  };
}

function floatsOf(name: string, { type, dims, data }: Tensor): GivenTensor {
  if (type === "float32") return { shape: dims, values: data as Float32Array };
  throw new BadOnnxModel(
    `Cannot use the ONNX model's tensor "${name}" as it holds ${type}, expected floats`,
    {
      fields: { tensor: name, type },
    },
  );
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
