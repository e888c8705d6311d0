import * as tf from "@tensorflow/tfjs";
import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { messageOf, StillhouseError } from "../../errors.ts";
import { describeSignature } from "../../model/onnxFile.ts";
import { graphOf, unpackSavedModel, withFolder } from "../../model/savedModelBundle.ts";
import { BadSavedModel, readSavedModel } from "../../model/savedModelFile.ts";
import { loadedNativePackage } from "../native/loadNativePackage.ts";
import { checkFeatures } from "./features.ts";
import { chosenEnd, columnsOf, type GraphEnds, ownSample, typedInput } from "./graphEnds.ts";
import { mappedInputs, mappedOutputs } from "./mappingTensors.ts";
import { mappedClasses, planInput } from "./modelMapping.ts";
import type { LoadedModel } from "./openPredictor.ts";

/** A model that only TensorFlow's own library runs, on another backend. */
export class NativeNeeded extends StillhouseError {}

/** The name under which native packages register their backend. */
const NATIVE = "tensorflow";

/**
 * A SavedModel that takes the data's samples and gives logits of its classes, as the mapping says.
 * @param bytes of `bundleSavedModel`
 * @param data shape of a sample; absent: that of the model's input
 * @throws NativeNeeded, BadSavedModel, MappingMismatch, UnknownFeature
 */
export async function loadSavedModel(
  bytes: Uint8Array,
  mapping: ModelMapping,
  data?: readonly number[],
): Promise<LoadedModel> {
  const bundle = unpackSavedModel(bytes);
  const { inputs, outputs, signature, tags } = readSavedModel(graphOf(bundle));
  const named = <T extends { name: string }>(end: T): T & { tensor: string } => ({
    ...end,
    tensor: end.name,
  });
  const graph: GraphEnds = {
    kind: "SavedModel",
    Refusal: BadSavedModel,
    inputs: inputs.map(named),
    outputs: outputs.map(named),
  };
  const input = chosenEnd(graph, "input", mapping.input);
  const output = chosenEnd(graph, "output", mapping.outputName);
  const [batch = null, ...taken] = input.shape ?? [null, ...(data ?? [])];
  const sample = data ?? ownSample(graph, input);
  const plan = planInput(sample, taken, mapping, describeSignature(graph));
  const features = checkFeatures(
    mapping.features,
    outputs.map(({ name }) => name),
    "outputs",
  );
  if (inputs.length > 1) {
    throw new BadSavedModel(
      `Cannot use the SavedModel as it takes ${inputs.length} inputs at once, and a sample is one: it has ${describeSignature(graph)}`,
    );
  }
  const native = loadedNativePackage();
  if (native === null || tf.getBackend() !== NATIVE) {
    throw new NativeNeeded(
      `Cannot run a SavedModel on the backend ${tf.getBackend()}: only TensorFlow's own library does; install it (stillhouse native install) and start this node with --backend tfjs-node`,
      { fields: { backend: tf.getBackend() } },
    );
  }
  // All is read while it is loaded, so that nothing stays on disk, however this process ends.
  const model = await withFolder(bundle, (folder) =>
    native.node.loadSavedModel(folder, [...tags], signature),
  ).catch((cause: unknown) => {
    throw new BadSavedModel(`Cannot load the SavedModel: TensorFlow refuses it: ${messageOf(cause)}`, {
      cause,
    });
  });
  const dispose = (): void => {
    (model as unknown as { dispose(): void }).dispose();
  };
  try {
    const run = (x: tf.Tensor): tf.NamedTensorMap =>
      model.predict({ [input.name]: typedInput(mappedInputs(x, plan), input) }, {}) as tf.NamedTensorMap;
    const columns = columnsOf(graph, (x) => run(x)[output.name], output, plan, batch);
    const logits = (given: tf.NamedTensorMap): tf.Tensor =>
      mappedOutputs(given[output.name] as tf.Tensor, mapping);
    return {
      inputShape: sample,
      classes: mappedClasses(columns, mapping),
      batch: batch ?? undefined,
      forward: (x) => logits(run(x)),
      ...(mapping.features && {
        inner: {
          names: features.map(({ name }) => name),
          forward(x) {
            const given = run(x);
            return [logits(given), ...features.map(({ of }) => given[of] as tf.Tensor)];
          },
        },
      }),
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}
