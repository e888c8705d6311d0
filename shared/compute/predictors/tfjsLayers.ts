import * as tf from "@tensorflow/tfjs";
import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { messageOf } from "../../errors.ts";
import type { OnnxSignature } from "../../model/onnxFile.ts";
import { layerFeatures } from "./layerFeatures.ts";
import { mappedInputs, mappedOutputs } from "./mappingTensors.ts";
import { mappedClasses, planInput } from "./modelMapping.ts";
import type { LoadedModel } from "./openPredictor.ts";
import { BadTfjsModel, readArtifacts, type TfjsFiles } from "./tfjsFiles.ts";

/**
 * A TensorFlow.js layers model that takes the data's samples and gives logits of its classes, as the mapping says.
 * @param data shape of a sample; absent: that of the model's input
 * @throws BadTfjsModel for another format, a missing weight file, several inputs, an input without a fixed shape, an
 *   output that the mapping does not name, or one that is not [batch, classes]
 * @throws MappingMismatch when samples of that shape do not fit
 */
export async function loadTfjsLayers(
  files: TfjsFiles,
  mapping: ModelMapping,
  data?: readonly number[],
): Promise<LoadedModel> {
  const model = await loadModel(files);
  try {
    const { inputShape, place, columns } = endsOf(model, mapping);
    const sample = data ?? inputShape;
    const plan = planInput(sample, inputShape, mapping, `an input of shape [${inputShape.join(", ")}]`);
    const classes = mappedClasses(columns, mapping);
    const forward = (inputs: tf.Tensor): tf.Tensor => {
      const given = model.apply(mappedInputs(inputs, plan), { training: false }) as tf.Tensor | tf.Tensor[];
      return mappedOutputs(Array.isArray(given) ? (given[place] as tf.Tensor) : given, mapping);
    };
    const layers = layerFeatures(model, model.outputs[place] as tf.SymbolicTensor, mapping);
    return {
      inputShape: sample,
      classes,
      forward,
      ...(layers && {
        inner: {
          names: layers.names,
          forward(inputs) {
            const [given, ...features] = layers.apply(mappedInputs(inputs, plan));
            return [mappedOutputs(given as tf.Tensor, mapping), ...features];
          },
        },
      }),
      dispose: () => void model.dispose(),
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

async function loadModel(files: TfjsFiles): Promise<tf.LayersModel> {
  const handler = tf.io.fromMemory(readArtifacts(files, "layers-model"));
  return tf.loadLayersModel(handler).catch((error: unknown) => {
    throw new BadTfjsModel(`Cannot load the layers model: ${messageOf(error)}`, { cause: error });
  });
}

/** What a layers model takes and gives, in the words of ONNX. */
export async function describeLayers(files: TfjsFiles): Promise<OnnxSignature> {
  const model = await loadModel(files);
  try {
    const typeOf = ({ shape }: tf.SymbolicTensor, name: string) => ({ name, dtype: "float", shape });
    return {
      inputs: model.inputs.map((input, i) => typeOf(input, inputNames(model)[i] as string)),
      outputs: model.outputs.map((output, i) => typeOf(output, outputNames(model)[i] as string)),
      parameters: model.countParams(),
      operators: counted(model.layers.map((layer) => layer.getClassName())),
      inner: model.layers.flatMap(({ name, output }) =>
        Array.isArray(output) ? [] : [typeOf(output, name)],
      ),
    };
  } finally {
    model.dispose();
  }
}

/** A sequential model has no list of them. */
function inputNames(model: tf.LayersModel): string[] {
  return model.inputNames ?? model.inputs.map(({ name }) => name);
}

function outputNames(model: tf.LayersModel): string[] {
  return model.outputNames ?? model.outputs.map(({ name }) => name);
}

function counted(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function endsOf(
  model: tf.LayersModel,
  { input, outputName }: Pick<ModelMapping, "input" | "outputName">,
): { inputShape: number[]; place: number; columns: number } {
  const refuse = (what: string): never => {
    throw new BadTfjsModel(`Cannot use layers model "${model.name}" as a classifier: ${what}`);
  };
  const [taken, ...moreInputs] = model.inputs.map(({ shape }) => shape.slice(1));
  if (!taken || moreInputs.length > 0) return refuse(`it has ${model.inputs.length} inputs, expected 1`);
  if (input !== undefined && !inputNames(model).includes(input)) {
    return refuse(`it has no input "${input}", but [${inputNames(model).join(", ")}]`);
  }
  if (taken.some((n) => n === null)) {
    return refuse(`its input has the shape [${taken.map(String)}], expected fixed sizes`);
  }
  const place = outputName === undefined ? 0 : outputNames(model).indexOf(outputName);
  if (outputName === undefined ? model.outputs.length !== 1 : place < 0) {
    return refuse(
      `it has ${model.outputs.length} outputs, expected ${outputName === undefined ? "1, or outputName in the spec" : `one named "${outputName}"`}: [${outputNames(model).join(", ")}]`,
    );
  }
  const out = model.outputs[place]?.shape ?? [];
  const columns = out[1];
  if (out.length !== 2 || typeof columns !== "number") {
    return refuse(`its output has the shape [${out.map(String)}], expected [batch, classes]`);
  }
  return { inputShape: taken as number[], place, columns };
}
