import type { Tensor } from "onnxruntime-node";
import type { WeightStore } from "../weightStore.ts";
import type { RowGradient } from "./rowGradients.ts";
import { loadOnnxRuntime } from "./session.ts";
import { names } from "./trainingGraph.ts";

/** Whose gradients they are. */
type Trained = Pick<WeightStore, "trained">;

interface RowsToAdd {
  readonly gradient: Float32Array;
  /** [count, width] */
  readonly rows: Float32Array;
  /** [count], the row of the gradient that each belongs to */
  readonly places: Int32Array;
}

/** Where a graph leaves the gradients: in the memory that the optimiser reads, or as rows to be added up there. */
export class GradientOutputs {
  /** By the names of the graph's outputs. */
  readonly fetches: Readonly<Record<string, Tensor>>;
  readonly #rows: readonly RowsToAdd[];

  static async of(rowGradients: readonly RowGradient[], store: Trained): Promise<GradientOutputs> {
    return new GradientOutputs(rowGradients, store, (await loadOnnxRuntime()).Tensor);
  }

  private constructor(rowGradients: readonly RowGradient[], store: Trained, TensorType: typeof Tensor) {
    const fetches: Record<string, Tensor> = {};
    // Tables that are looked up at the same places share an output.
    const shared = <T extends Float32Array | Int32Array>(name: string, fresh: T, dims: number[]): T => {
      fetches[name] ??= new TensorType(fresh, dims);
      return fetches[name].data as T;
    };
    this.#rows = store.trained().flatMap(({ name, shape, gradient }) => {
      const output = names.gradient(name);
      const found = rowGradients.find((rows) => rows.output === output);
      if (!found) {
        fetches[output] = new TensorType("float32", gradient, shape);
        return [];
      }
      const { count, width } = found;
      const rows = shared(found.rows, new Float32Array(count * width), [count, width]);
      const places = shared(found.places, new Int32Array(count), [count, 1]);
      return [{ gradient, rows, places }];
    });
    this.fetches = fetches;
  }

  /** The graph has run: what it left as rows becomes gradients. */
  addUp(): void {
    for (const { gradient, rows, places } of this.#rows) {
      gradient.fill(0);
      addRows(gradient, rows, places);
    }
  }
}

/** Always in the order of the rows, which gives the same bits. */
function addRows(sums: Float32Array, rows: Float32Array, places: Int32Array): void {
  const width = rows.length / places.length;
  let from = 0;
  for (const place of places) {
    const to = place * width;
    for (let i = 0; i < width; i++) sums[to + i] = (sums[to + i] as number) + (rows[from + i] as number);
    from += width;
  }
}
