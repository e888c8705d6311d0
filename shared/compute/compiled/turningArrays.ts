import type { Tensor } from "onnxruntime-node";
import { loadOnnxRuntime } from "./session.ts";
import { names } from "./trainingGraph.ts";

/** An array that every step of a graph replaces. */
export interface Replaced {
  /** Of the graph's input. */
  readonly input: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Every array that a step replaces, twice: a step reads one set and writes the other, in turn. The owner of the arrays
 * sees the newest values after `settle`.
 */
export class TurningArrays {
  readonly #pairs: readonly {
    input: string;
    own: Float32Array;
    other: Float32Array;
    tensors: [Tensor, Tensor];
  }[];
  #newest: 0 | 1 = 0;

  static async of(replaced: readonly Replaced[]): Promise<TurningArrays> {
    return new TurningArrays(replaced, (await loadOnnxRuntime()).Tensor);
  }

  private constructor(replaced: readonly Replaced[], TensorType: typeof Tensor) {
    this.#pairs = replaced.map(({ input, shape, values }) => {
      const other = new Float32Array(values.length);
      return {
        input,
        own: values,
        other,
        tensors: [new TensorType("float32", values, shape), new TensorType("float32", other, shape)],
      };
    });
  }

  /** What the next step reads, by the names of the graph's inputs. */
  feeds(): Record<string, Tensor> {
    return Object.fromEntries(this.#pairs.map(({ input, tensors }) => [input, tensors[this.#newest]]));
  }

  /** Where the next step writes, by the names of the graph's outputs. */
  fetches(): Record<string, Tensor> {
    const free = this.#newest === 0 ? 1 : 0;
    return Object.fromEntries(this.#pairs.map(({ input, tensors }) => [names.next(input), tensors[free]]));
  }

  /** A step is done: what it wrote is the newest now. */
  turn(): void {
    this.#newest = this.#newest === 0 ? 1 : 0;
  }

  /** Brings the newest values into the owner's arrays. */
  settle(): void {
    if (this.#newest === 1) for (const { own, other } of this.#pairs) own.set(other);
    this.#newest = 0;
  }

  /** The arrays beside the owner's, which the step wrote that began when all was settled. */
  written(): { input: string; own: Float32Array; other: Float32Array }[] {
    return this.#pairs.map(({ input, own, other }) => ({ input, own, other }));
  }
}
