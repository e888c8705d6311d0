import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StillhouseError } from "../../errors.ts";
import type { TensorUpdate } from "../optimizers/inGraph.ts";
import { type BatchShape, shapeName } from "../planBatches.ts";
import type { TrainerOptions } from "../trainer.ts";
import type { WeightStore } from "../weightStore.ts";
import { BatchFeeds } from "./batchFeeds.ts";
import { graphHash } from "./checkAgainstEager.ts";
import { checkNothingBakedIn } from "./compareRecordings.ts";
import { GradientOutputs } from "./gradientOutputs.ts";
import { sizeOf } from "./kernels/operators.ts";
import { lower } from "./lower.ts";
import { withRowGradients } from "./rowGradients.ts";
import { createSession, loadOnnxRuntime, type SessionOptions } from "./session.ts";
import { names, type RecordedTraining, recordTraining } from "./trainingGraph.ts";

/** A session is memory and a compilation: a training that needs more of them is planned wrongly. */
const MOST_SHAPES = 8;

export class TooManyBatchShapes extends StillhouseError {}

/** A step on a batch of one shape, compiled. */
export interface CompiledStep {
  readonly graphHash: string;
  readonly session: InferenceSession;
  readonly batch: BatchFeeds;
  /** All that the graph takes, in memory that stays where it is. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly loss: { readonly tensor: Tensor; readonly values: Float32Array };
  readonly gradients: GradientOutputs;
  /** What the loss gives out, by its name. */
  readonly emitted: readonly EmittedOutput[];
  /** Weights that the forward pass moves, and where it leaves them. */
  readonly moved: readonly MovedWeight[];
}

interface EmittedOutput {
  readonly name: string;
  readonly values: Float32Array;
  readonly tensor: Tensor;
}

interface MovedWeight {
  readonly name: string;
  readonly values: Float32Array;
  readonly next: Float32Array;
  readonly tensor: Tensor;
}

/**
 * Records the step for every shape, checks that nothing but the shape makes a difference, and compiles it.
 * @param update the optimiser, where it is part of the graph
 * @returns by the name of the shape
 * @throws UnsupportedKernel, ValueReadWhileRecording, BakedIn, TooManyBatchShapes
 */
export async function compileSteps(
  options: TrainerOptions,
  store: WeightStore,
  update: TensorUpdate | undefined,
  settings: SessionOptions,
): Promise<Map<string, CompiledStep>> {
  const { batchShapes } = options;
  if (batchShapes.length > MOST_SHAPES) {
    const shapes = batchShapes.map(shapeName);
    throw new TooManyBatchShapes(
      `Cannot compile a training for batches of ${shapes.length} shapes ([${shapes.join(", ")}]): at most ${MOST_SHAPES} are kept; declare fewer length buckets, or set dropRemainder`,
      { fields: { shapes } },
    );
  }
  const recordings: (readonly [BatchShape, RecordedTraining])[] = [];
  for (const shape of batchShapes) recordings.push([shape, await recordChecked(options, shape, update)]);
  const steps = new Map<string, CompiledStep>();
  try {
    for (const [shape, recorded] of recordings) {
      steps.set(
        shapeName(shape),
        await compileStep(options, store, shape, recorded, update === undefined, settings),
      );
    }
  } catch (error) {
    await Promise.all([...steps.values()].map(({ session }) => session.release()));
    throw error;
  }
  return steps;
}

async function recordChecked(
  options: TrainerOptions,
  shape: BatchShape,
  update: TensorUpdate | undefined,
): Promise<RecordedTraining> {
  const subject = { ...options, inputShape: options.dataset.inputShape };
  const recorded = await recordTraining(subject, shape, update);
  const again = await recordTraining(subject, shape, update);
  const other = await recordTraining(subject, { ...shape, rows: shape.rows + 1 }, update);
  checkNothingBakedIn(recorded.recording, again.recording, other.recording);
  return recorded;
}

async function compileStep(
  options: TrainerOptions,
  store: WeightStore,
  shape: BatchShape,
  { recording, masks, moved }: RecordedTraining,
  givesGradients: boolean,
  settings: SessionOptions,
): Promise<CompiledStep> {
  const { Tensor } = await loadOnnxRuntime();
  const whole = lower(recording);
  const { graph, rowGradients } = givesGradients
    ? withRowGradients(whole)
    : { graph: whole, rowGradients: [] };
  const session = await createSession(graph, settings);
  const batch = await BatchFeeds.of(options, masks, shape);
  const feeds: Record<string, Tensor> = { ...batch.tensors };
  const movedWeights: MovedWeight[] = [];
  for (const { name, shape: dims, values } of store.weights) {
    feeds[names.weight(name)] = new Tensor("float32", values, dims);
    if (!moved.includes(name)) continue;
    const next = new Float32Array(values.length);
    movedWeights.push({ name, values, next, tensor: new Tensor("float32", next, dims) });
  }
  // A target or weight that the loss does not depend on is no input of the graph.
  const taken = new Set(session.inputNames);
  for (const name of Object.keys(feeds)) if (!taken.has(name)) delete feeds[name];
  const loss = new Float32Array(1);
  const emitted = Object.entries(options.objective.emits ?? {}).map(([name, ofOne]) => {
    const dims = [shape.rows, ...ofOne];
    const values = new Float32Array(sizeOf(dims));
    return { name, values, tensor: new Tensor("float32", values, dims) };
  });
  return {
    graphHash: graphHash(graph),
    session,
    batch,
    feeds,
    loss: { tensor: new Tensor("float32", loss, []), values: loss },
    gradients: await GradientOutputs.of(rowGradients, store),
    emitted,
    moved: movedWeights,
  };
}
