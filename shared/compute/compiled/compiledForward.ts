import type * as tf from "@tensorflow/tfjs";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { inferLogits } from "../../model/tapped.ts";
import { type NamedWeight, type WeightSlot, WeightsMismatch } from "../../model/weights.ts";
import type { GivenTensor } from "../predictors/predictor.ts";
import type { StoredWeight } from "../weightStore.ts";
import { graphHash } from "./checkAgainstEager.ts";
import { encodeModel } from "./encode.ts";
import { forwardGraph } from "./forwardGraph.ts";
import type { OnnxGraph } from "./graph.ts";
import { loadOnnxRuntime, type SessionOptions, sessionOf } from "./session.ts";
import { names } from "./trainingGraph.ts";

/** A model in inference mode, compiled: for a batch of any size, or the one that its graph has. */
export class CompiledForward {
  readonly graphHash: string;
  readonly #session: InferenceSession;
  readonly #inputShape: readonly number[];
  readonly #TensorType: typeof Tensor;
  #weights: Record<string, Tensor> = {};

  /** Of a model whose weights change: they are inputs, to be named by `useWeights`. */
  static async ofModel(
    model: tf.LayersModel,
    inputShape: readonly number[],
    weights: readonly WeightSlot[],
    options: SessionOptions,
  ): Promise<CompiledForward> {
    const forward = (inputs: tf.Tensor): tf.Tensor => inferLogits(model, inputs);
    return CompiledForward.of(await forwardGraph(forward, inputShape, { weights }), inputShape, options);
  }

  /** @param rewritten what the graph's bytes become before they are run, as by quantising */
  static async of(
    graph: OnnxGraph,
    inputShape: readonly number[],
    options: SessionOptions,
    rewritten: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
  ): Promise<CompiledForward> {
    const { Tensor } = await loadOnnxRuntime();
    const session = await sessionOf(rewritten(encodeModel(graph)), options);
    return new CompiledForward(graph, session, inputShape, Tensor);
  }

  private constructor(
    graph: OnnxGraph,
    session: InferenceSession,
    inputShape: readonly number[],
    TensorType: typeof Tensor,
  ) {
    this.graphHash = graphHash(graph);
    this.#session = session;
    this.#inputShape = inputShape;
    this.#TensorType = TensorType;
  }

  useWeights(weights: readonly StoredWeight[]): void {
    const taken = new Set(this.#session.inputNames);
    const entries = weights.map(
      ({ name, shape, values }) =>
        [names.weight(name), new this.#TensorType("float32", values, shape)] as const,
    );
    this.#weights = Object.fromEntries(entries.filter(([name]) => taken.has(name)));
  }

  /**
   * Runs with other weights than those of `useWeights`, which are in use again afterwards.
   * @throws WeightsMismatch when one that the graph takes is not among them
   */
  async withWeights<T>(weights: readonly NamedWeight[], run: () => Promise<T>): Promise<T> {
    const before = this.#weights;
    try {
      this.useWeights(weights.map(({ name, shape, data }) => ({ name, shape, values: data })));
      const lacking = Object.keys(before).find((name) => !(name in this.#weights));
      if (lacking) {
        throw new WeightsMismatch(
          `Cannot predict with other weights as ${lacking} is not among them: use the weights of the same architecture`,
          { fields: { lacking } },
        );
      }
      return await run();
    } finally {
      this.#weights = before;
    }
  }

  /**
   * @param inputs [rows, ...inputShape]
   * @returns [rows, classes]
   */
  async predict(inputs: Float32Array, rows: number): Promise<Float32Array> {
    const [logits] = await this.outputs(inputs, rows, [names.logits]);
    return logits?.values as Float32Array;
  }

  /** What the graph gives under these names. */
  async outputs(inputs: Float32Array, rows: number, wanted: readonly string[]): Promise<GivenTensor[]> {
    const tensor = new this.#TensorType("float32", inputs, [rows, ...this.#inputShape]);
    const given = await this.#session.run({ [names.inputs]: tensor, ...this.#weights }, wanted);
    return wanted.map((name) => {
      const { dims, data } = given[name] as Tensor;
      return { shape: dims, values: data as Float32Array };
    });
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
