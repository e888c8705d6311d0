import * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { messageOf } from "../../errors.ts";
import { describeSignature, type OnnxSignature, type OnnxTensorType } from "../../model/onnxFile.ts";
import { sizeOf } from "../compiled/kernels/operators.ts";
import { checkFeatures } from "./features.ts";
import { chosenEnd, columnsOf, type GraphEnd, type GraphEnds, ownSample, typedInput } from "./graphEnds.ts";
import { checkWork } from "./graphWork.ts";
import { mappedInputs, mappedOutputs } from "./mappingTensors.ts";
import { mappedClasses, planInput } from "./modelMapping.ts";
import type { LoadedModel } from "./openPredictor.ts";
import { BadTfjsModel, readArtifacts, type TfjsFiles } from "./tfjsFiles.ts";

interface Graph extends GraphEnds {
  readonly model: tf.GraphModel;
  /** Without what is only a constant. */
  readonly nodes: readonly { readonly name: string; readonly op: string }[];
  readonly parameters: number;
}

/**
 * A TensorFlow.js graph model that takes the data's samples and gives logits of its classes, as the mapping says.
 * @param data shape of a sample; absent: that of the model's input
 * @throws BadTfjsModel for another format, a missing weight file, a choice between several inputs or outputs that the
 *   mapping does not make, operators whose shapes or order depend on values, or an output that is not [batch, classes]
 * @throws MappingMismatch when samples of that shape do not fit; UnknownFeature
 */
export async function loadTfjsGraph(
  files: TfjsFiles,
  mapping: ModelMapping,
  data?: readonly number[],
): Promise<LoadedModel> {
  const graph = await openGraph(files);
  const { model } = graph;
  try {
    const signature = describeSignature(graph);
    const input = chosenEnd(graph, "input", mapping.input);
    const output = chosenEnd(graph, "output", mapping.outputName);
    const [batch = null, ...taken] = input.shape ?? [null, ...(data ?? [])];
    const sample = data ?? ownSample(graph, input);
    const plan = planInput(sample, taken, mapping, signature);
    const features = checkFeatures(
      mapping.features,
      graph.nodes.map(({ name }) => name),
      "nodes",
    );
    const run = (inputs: tf.Tensor, wanted: readonly string[]): tf.Tensor[] => {
      const x = typedInput(mappedInputs(inputs, plan), input);
      return [model.execute({ [input.tensor]: x }, [...wanted])].flat();
    };
    await checkWork(graph, (x) => run(x, [output.tensor]), plan, batch ?? 1);
    const columns = columnsOf(graph, (x) => run(x, [output.tensor])[0], output, plan, batch);
    return {
      inputShape: sample,
      classes: mappedClasses(columns, mapping),
      batch: batch ?? undefined,
      forward: (inputs) => mappedOutputs(run(inputs, [output.tensor])[0] as tf.Tensor, mapping),
      ...(mapping.features && {
        inner: {
          names: features.map(({ name }) => name),
          forward(inputs) {
            const [given, ...inner] = run(inputs, [output.tensor, ...features.map(({ of }) => of)]);
            return [mappedOutputs(given as tf.Tensor, mapping), ...inner];
          },
        },
      }),
      dispose: () => model.dispose(),
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** What a graph model takes and gives, in the words of ONNX. */
export async function describeGraph(files: TfjsFiles): Promise<OnnxSignature> {
  const graph = await openGraph(files);
  const { model, inputs, outputs, nodes, parameters } = graph;
  const inner = innerShapes(graph);
  model.dispose();
  const operators = new Map<string, number>();
  for (const { op } of nodes) operators.set(op, (operators.get(op) ?? 0) + 1);
  return { inputs, outputs, parameters, operators, inner };
}

/** Of how many nodes, the last, shapes are told. */
const SHAPED = 16;

/** The last nodes have shapes where one sample of zeros goes through the graph. */
function innerShapes({ model, inputs, nodes }: Graph): OnnxTensorType[] {
  const [input, ...more] = inputs;
  const sizes = input?.shape?.map((n, axis) => n ?? (axis === 0 ? 1 : n));
  const named = nodes.map(({ name }) => ({ name, dtype: "", shape: undefined }));
  if (!input || more.length > 0 || !sizes?.every((n) => n !== null)) return named;
  return tf.tidy(() => {
    const zeros = typedInput(tf.zeros(sizes as number[]), input);
    return named.map((tensor, i) => {
      if (i < named.length - SHAPED) return tensor;
      try {
        const [given] = [model.execute({ [input.tensor]: zeros }, [tensor.name])].flat();
        return { ...tensor, shape: given?.shape };
      } catch {
        // Behind a loop, or of an input that is not there: a name without a shape.
        return tensor;
      }
    });
  });
}

const TensorName = z.record(z.string(), z.object({ name: z.string() }));
const Signature = z.object({ inputs: TensorName.optional(), outputs: TensorName.optional() });
const Topology = z.object({
  node: z.array(z.object({ name: z.string(), op: z.string() })),
  versions: z.unknown(),
});

async function openGraph(files: TfjsFiles): Promise<Graph> {
  const artifacts = readArtifacts(files, "graph-model");
  const topology = Topology.safeParse(artifacts.modelTopology);
  if (!topology.success) {
    throw new BadTfjsModel(
      `Cannot load the graph model: its modelTopology is not a graph: ${z.prettifyError(topology.error).split("\n")[0]}`,
      { cause: topology.error },
    );
  }
  // A graph without versions is one of version 0; the loader asks for the key.
  const modelTopology = { ...artifacts.modelTopology, versions: topology.data.versions ?? {} };
  let model: tf.GraphModel | undefined;
  try {
    model = await tf.loadGraphModel(tf.io.fromMemory({ ...artifacts, modelTopology }));
    const { inputs, outputs } = Signature.parse(model.modelSignature ?? {});
    return {
      kind: "graph model",
      Refusal: BadTfjsModel,
      model,
      inputs: ends(model.inputs, inputs),
      outputs: ends(model.outputs, outputs),
      nodes: topology.data.node.filter(({ op }) => op !== "Const"),
      parameters: (artifacts.weightSpecs ?? []).reduce(
        (sum, { shape, dtype }) => sum + (dtype === "float32" ? sizeOf(shape) : 0),
        0,
      ),
    };
  } catch (error) {
    model?.dispose();
    throw new BadTfjsModel(`Cannot load the graph model: ${messageOf(error)}`, { cause: error });
  }
}

/** By the names of the signature where the graph has one, else by those of its nodes. */
function ends(
  infos: tf.GraphModel["inputs"],
  signature: z.infer<typeof TensorName> | undefined,
): readonly GraphEnd[] {
  const nodeOf = (tensor: string): string => tensor.split(":")[0] as string;
  const named = signature
    ? Object.entries(signature).map(([name, tensor]) => ({ name, tensor: tensor.name }))
    : infos.map(({ name }) => ({ name, tensor: name }));
  return named.map(({ name, tensor }) => {
    const info = infos.find((one) => nodeOf(one.name) === nodeOf(tensor));
    return {
      name,
      tensor,
      dtype: info?.dtype === "int32" ? "int32" : "float",
      shape: info?.shape?.map((n) => (n > 0 ? n : null)),
    };
  });
}
