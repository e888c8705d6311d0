import type { Tensor } from "onnxruntime-node";
import type { TensorUpdate } from "../optimizers/inGraph.ts";
import type { WeightStore } from "../weightStore.ts";
import { checkUpdate } from "./checkAgainstEager.ts";
import { loadOnnxRuntime } from "./session.ts";
import { names } from "./trainingGraph.ts";
import { TurningArrays } from "./turningArrays.ts";

/** What an optimiser inside of the graph takes and gives: weights and its own arrays, in turn, and scalars. */
export class InGraphUpdate {
  readonly #formulas: TensorUpdate;
  readonly #store: WeightStore;
  readonly #arrays: TurningArrays;
  readonly #scalar: (value: number) => Tensor;

  static async of(formulas: TensorUpdate, store: WeightStore): Promise<InGraphUpdate> {
    const { Tensor } = await loadOnnxRuntime();
    const trained = store.trained();
    const slots = Object.entries(store.slots()).flatMap(([slot, arrays]) =>
      trained.map(({ name, shape }, i) => ({
        input: names.slot(slot, name),
        shape,
        values: arrays[i] as Float32Array,
      })),
    );
    const weights = trained.map(({ name, shape, values }) => ({ input: names.weight(name), shape, values }));
    const arrays = await TurningArrays.of([...weights, ...slots]);
    return new InGraphUpdate(formulas, store, arrays, (value) => new Tensor("float32", [value], []));
  }

  private constructor(
    formulas: TensorUpdate,
    store: WeightStore,
    arrays: TurningArrays,
    scalar: (value: number) => Tensor,
  ) {
    this.#formulas = formulas;
    this.#store = store;
    this.#arrays = arrays;
    this.#scalar = scalar;
  }

  /** @param step of the training, counted from 0 */
  feeds(learningRate: number, step: number): Record<string, Tensor> {
    const scalars = Object.entries(this.#formulas.scalars(learningRate, step + 1));
    return {
      ...this.#arrays.feeds(),
      ...Object.fromEntries(scalars.map(([name, value]) => [names.scalar(name), this.#scalar(value)])),
    };
  }

  fetches(): Record<string, Tensor> {
    return this.#arrays.fetches();
  }

  /**
   * A step is done. With `check` it began when all was settled and left its gradients in the store: what it made of
   * them is compared with the optimiser that works in place.
   * @throws CompiledDiffers
   */
  done(check: { rate: number; clipNorm: number | undefined } | null): void {
    if (check) {
      this.#store.update(check.rate, check.clipNorm);
      for (const { input, own, other } of this.#arrays.written()) checkUpdate(input, other, own);
    } else this.#store.countStep();
    this.#arrays.turn();
  }

  /** Brings the newest values into the store. */
  settle(): void {
    this.#arrays.settle();
  }
}
