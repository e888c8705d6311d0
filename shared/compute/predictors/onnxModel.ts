import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { describeSignature, readOnnx } from "../../model/onnxFile.ts";
import { BadOnnxModel, withOutputs } from "../../model/onnxProto.ts";
import { quantiseOnnx } from "../../model/quantise/quantiseOnnx.ts";
import type { SessionOptions } from "../compiled/session.ts";
import { checkFeatures, checkRows } from "./features.ts";
import { mapInputs, mapOutputs, mappedClasses, planInput } from "./modelMapping.ts";
import { endsOf } from "./onnxEnds.ts";
import { type OnnxRunner, openOnnxRunner } from "./onnxRunner.ts";
import { featuresInSlices, type GivenTensor, type Predictor, predictInSlices } from "./predictor.ts";
import { tryOnnx } from "./trial/tryOnnx.ts";

/** Beside one: what a model makes of a sample may depend on how many there are. */
const ROWS_TRIED = 4;

/**
 * A predictor of an ONNX model that ONNX Runtime runs as it is, or quantised.
 * @param inputShape of the data's samples
 * @throws BadOnnxModel, MappingMismatch, with what the model takes and gives in the message; UnknownFeature, CannotQuantise
 */
export async function openOnnxModel(
  bytes: Uint8Array,
  mapping: ModelMapping,
  inputShape: readonly number[],
  options: SessionOptions,
): Promise<Predictor> {
  const signature = readOnnx(bytes);
  const { input, output, batch } = endsOf(signature, mapping);
  const taken = (input.shape ?? [null, ...inputShape]).slice(1);
  const plan = planInput(inputShape, taken, mapping, describeSignature(signature));
  const features = checkFeatures(
    mapping.features,
    signature.inner.map(({ name }) => name),
    "tensors",
  );
  const given = new Set(signature.outputs.map(({ name }) => name));
  const shown = features.map(({ of }) => of).filter((of) => !given.has(of));

  const runners: OnnxRunner[] = [];
  const opened = async (model: Uint8Array, wanted: readonly string[]): Promise<OnnxRunner> => {
    const runner = await openOnnxRunner(model, input, plan.shape, wanted, options);
    runners.push(runner);
    return runner;
  };
  const close = async (): Promise<void> => {
    for (const runner of runners) await runner.release();
  };
  const mapped = async (runner: OnnxRunner, inputs: Float32Array, rows: number): Promise<GivenTensor[]> => {
    const [answers, ...inner] = await runner.run(mapInputs(plan, inputs), rows);
    const columns = columnsOf(answers, rows, output.name);
    const values = mapOutputs((answers as GivenTensor).values, columns, mapping);
    return [{ shape: [rows, values.length / rows], values }, ...inner];
  };
  try {
    // A sample tells how many outputs there are, where the file does not say, and whether the model runs at all.
    const rows = batch ?? 1;
    const { name, dtype } = input;
    const tried = batch === null ? [rows, ROWS_TRIED] : [rows];
    await tryOnnx(
      bytes,
      tried.map((count) => [{ name, dtype, shape: [count, ...plan.shape] }]),
    );
    const model = mapping.quantise ? quantiseOnnx(bytes).bytes : bytes;
    const runner = await opened(model, [output.name]);
    const sample = new Float32Array(rows * plan.factors.length);
    const [answers] = await runner.run(sample, rows);
    const classes = mappedClasses(columnsOf(answers, rows, output.name), mapping);
    const slices = { inputShape, batch };
    let deep: OnnxRunner | undefined;
    if (mapping.features) {
      // A session of its own: what is shown of a graph's inside cannot be joined with its neighbours, which costs time.
      deep = await opened(withOutputs(model, [...new Set(shown)]), [
        output.name,
        ...features.map(({ of }) => of),
      ]);
      const [, ...inner] = await deep.run(sample, rows);
      for (const [i, { shape }] of inner.entries()) checkRows(features[i]?.name ?? "", shape, rows);
    }
    return {
      inputShape,
      classes,
      async predict(inputs, rows) {
        const [logits] = await predictInSlices(inputs, rows, slices, async (...slice) =>
          (await mapped(runner, ...slice)).map(({ values }) => values),
        );
        return logits ?? new Float32Array();
      },
      ...(deep && {
        predictWithFeatures: (inputs, rows) =>
          featuresInSlices(
            inputs,
            rows,
            slices,
            features.map(({ name }) => name),
            (...slice) => mapped(deep, ...slice),
          ),
      }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws BadOnnxModel unless these are the answers for so many samples */
function columnsOf(given: GivenTensor | undefined, rows: number, output: string): number {
  const [first, columns, ...more] = given?.shape ?? [];
  if (first === rows && columns !== undefined && more.length === 0) return columns;
  throw new BadOnnxModel(
    `Cannot use the ONNX model's output "${output}" as it is [${given?.shape.join(", ")}] for ${rows} samples: expected [${rows}, classes]`,
    { fields: { output, dims: given?.shape } },
  );
}
