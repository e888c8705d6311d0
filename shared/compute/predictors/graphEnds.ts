import * as tf from "@tensorflow/tfjs";
import { messageOf, type StillhouseError } from "../../errors.ts";
import { describeSignature, type OnnxTensorType } from "../../model/onnxFile.ts";
import type { InputPlan } from "./modelMapping.ts";

/** What a graph is called by from outside, and the tensor in it. */
export interface GraphEnd extends OnnxTensorType {
  readonly tensor: string;
}

/** A graph of TensorFlow, in one of its formats. */
export interface GraphEnds {
  /** What people call it: "graph model", "SavedModel". */
  readonly kind: string;
  readonly Refusal: new (
    message: string,
    options?: { fields?: Record<string, unknown>; cause?: unknown },
  ) => StillhouseError;
  readonly inputs: readonly GraphEnd[];
  readonly outputs: readonly GraphEnd[];
}

/** The one that the spec names, by the signature or as the graph calls it, or the only one. */
export function chosenEnd(graph: GraphEnds, what: "input" | "output", name: string | undefined): GraphEnd {
  const { kind, Refusal } = graph;
  const all = what === "input" ? graph.inputs : graph.outputs;
  const called = ({ name: own, tensor }: GraphEnd): boolean =>
    name !== undefined && [own, tensor, tensor.split(":")[0]].includes(name);
  const found = name === undefined ? (all.length === 1 ? all[0] : undefined) : all.find(called);
  if (found) return found;
  const names = all.map((end) => end.name);
  throw new Refusal(
    name === undefined
      ? `Cannot choose the ${kind}'s ${what} as it has ${all.length}: name one of [${names.join(", ")}] in the spec; it has ${describeSignature(graph)}`
      : `Cannot use the ${kind}'s ${what} "${name}" as there is none such: it has ${describeSignature(graph)}`,
    { fields: { [what]: name ?? null, known: names } },
  );
}

/** The shape of a sample, where nothing but the graph tells it. */
export function ownSample({ kind, Refusal }: GraphEnds, { name, shape }: GraphEnd): number[] {
  const sizes = shape?.slice(1) ?? [null];
  const known = sizes.filter((n) => n !== null);
  if (known.length === sizes.length) return known;
  throw new Refusal(
    `Cannot use the ${kind} by itself as its input "${name}" has the shape [${["any", ...sizes.map((n) => n ?? "any")].join(", ")}]: without data nothing tells the open sizes`,
    { fields: { input: name } },
  );
}

/** Whole numbers, as bytes and token ids are, where the graph takes them. */
export function typedInput(x: tf.Tensor, { dtype }: GraphEnd): tf.Tensor {
  return dtype === "float" ? x : x.round().cast("int32");
}

/**
 * How many answers a sample has, which a graph does not say: a few samples of zeros tell.
 * @param run inputs that are not mapped yet -> the output
 * @throws graph.Refusal where the graph does not run, or gives something else than [rows, classes]
 */
export function columnsOf(
  graph: GraphEnds,
  run: (inputs: tf.Tensor) => tf.Tensor | undefined,
  { name }: GraphEnd,
  { factors }: InputPlan,
  batch: number | null,
): number {
  const { kind, Refusal } = graph;
  const rows = batch ?? 2;
  return tf.tidy(() => {
    let given: tf.Tensor | undefined;
    try {
      given = run(tf.zeros([rows, factors.length]));
    } catch (error) {
      const why = messageOf(error);
      throw new Refusal(
        /executeAsync/.test(why)
          ? `Cannot run the ${kind}: it has operators whose order or shapes depend on values (loops, conditions, tables), and only graphs without them can be teachers: ${why.split(". ")[0]}`
          : `Cannot run the ${kind}: ${why}; it has ${describeSignature(graph)}`,
        { cause: error },
      );
    }
    const [first, columns, ...more] = given?.shape ?? [];
    const floats = given?.dtype === "float32";
    if (floats && first === rows && columns !== undefined && more.length === 0) return columns;
    throw new Refusal(
      `Cannot use the ${kind}'s output "${name}" as it is ${given?.dtype} [${given?.shape.join(", ")}] for ${rows} samples: expected floats of [${rows}, classes]; it has ${describeSignature(graph)}`,
      { fields: { output: name, shape: given?.shape } },
    );
  });
}
