import type { ModelMapping } from "../../config/modelFileSpec.ts";
import {
  describeSignature,
  describeTensor,
  type OnnxSignature,
  type OnnxTensorType,
} from "../../model/onnxFile.ts";
import { BadOnnxModel } from "../../model/onnxProto.ts";
import { inputTypes, type OnnxInput } from "./onnxRunner.ts";

/** Where samples go into a model, and answers come out. */
export interface OnnxEnds {
  readonly input: OnnxInput;
  readonly output: OnnxTensorType;
  /** Rows that the model takes at once; null: any number. */
  readonly batch: number | null;
}

/** More is no batch, but a size that somebody made up. */
const MOST_ROWS = 65_536;

/** @throws BadOnnxModel, with what the model takes and gives in the message */
export function endsOf(signature: OnnxSignature, { input, outputName }: ModelMapping): OnnxEnds {
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
  const batch = taken.shape?.[0] ?? null;
  if (batch !== null && batch > MOST_ROWS) {
    throw new BadOnnxModel(
      `Cannot use the ONNX model as it takes ${batch} samples at once: at most ${MOST_ROWS} are given; it has ${describeSignature(signature)}`,
      { fields: { batch } },
    );
  }
  return { input: taken as OnnxInput, output: given, batch };
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
