import type { Tensor } from "onnxruntime-node";
import { fillDropoutMask } from "../../model/dropoutMask.ts";
import { targetShape } from "../objective.ts";
import { type Batch, type BatchShape, sampleShape } from "../planBatches.ts";
import { Arena } from "../simd/arena.ts";
import type { TrainerOptions } from "../trainer.ts";
import { trainingInputs } from "../trainingInputs.ts";
import { sizeOf } from "./kernels/operators.ts";
import { loadOnnxRuntime } from "./session.ts";
import { type MaskInput, names } from "./trainingGraph.ts";

/** What changes from step to step: inputs, targets and masks, in memory that stays where it is. */
export class BatchFeeds {
  readonly tensors: Record<string, Tensor> = {};
  readonly #options: TrainerOptions;
  readonly #inputs: Float32Array;
  readonly #targets: { name: string; values: Float32Array | Int32Array }[];
  readonly #masks: (MaskInput & { values: Float32Array })[];

  static async of(
    options: TrainerOptions,
    masks: readonly MaskInput[],
    shape: BatchShape,
  ): Promise<BatchFeeds> {
    return new BatchFeeds(options, masks, shape, (await loadOnnxRuntime()).Tensor);
  }

  private constructor(
    options: TrainerOptions,
    masks: readonly MaskInput[],
    shape: BatchShape,
    TensorType: typeof Tensor,
  ) {
    this.#options = options;
    const batch = shape.rows;
    const targets = Object.entries(options.objective.targets).map(
      ([name, type]) => [name, type.dtype, targetShape(type, batch)] as const,
    );
    const inputs = [batch, ...sampleShape(shape, options.dataset.inputShape)];
    const arena = new Arena(
      Arena.bytesFor(
        [inputs, ...targets.map(([, , dims]) => dims), ...masks.map((m) => m.shape)].map(sizeOf),
      ),
    );
    this.#inputs = arena.floats(sizeOf(inputs));
    this.tensors[names.inputs] = new TensorType("float32", this.#inputs, inputs);
    this.#targets = targets.map(([name, dtype, dims]) => {
      const values = dtype === "int32" ? arena.ints(sizeOf(dims)) : arena.floats(sizeOf(dims));
      this.tensors[names.target(name)] = new TensorType(dtype, values as Float32Array, dims);
      return { name, values };
    });
    this.#masks = masks.map((mask) => {
      const values = arena.floats(sizeOf(mask.shape));
      this.tensors[mask.input] = new TensorType("float32", values, mask.shape);
      return { ...mask, values };
    });
  }

  /** Gathers the batch of a step. */
  fill(step: number, batch: Batch): void {
    const { objective, maskSeed } = this.#options;
    trainingInputs(this.#options, step, batch, this.#inputs);
    const given = objective.gather(batch.ids, step);
    for (const { name, values } of this.#targets) values.set(given[name] as Float32Array);
    for (const { layer, rate, values } of this.#masks) fillDropoutMask(values, rate, maskSeed, step, layer);
  }
}
