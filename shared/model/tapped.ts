import * as tf from "@tensorflow/tfjs";
import { StillhouseError } from "../errors.ts";

/** The layer that holds what is learnt beside a model; a weight of it is "learnt/NAME". */
const LEARNT = "learnt";

/** A layer that a spec names and the model does not have. */
export class UnknownLayer extends StillhouseError {}

/** A weight to be learnt beside a model. */
interface Beside {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: Float32Array;
}

/** A model whose inner layers show what they give, and that holds weights which are none of its own. */
export interface TappedModel {
  /** [batch, ...inputShape] -> logits, then what each tapped layer gives. Its layers are the model's. */
  readonly model: tf.LayersModel;
  /** Lets go of what was added; the model stays. */
  dispose(): void;
}

/**
 * Opens a model for a loss that looks inside it. What was added is trained with the model and leaves it as it was.
 * @throws UnknownLayer
 */
export function tapped(
  model: tf.LayersModel,
  taps: readonly string[],
  learnt: readonly Beside[],
): TappedModel {
  const [logits] = model.outputs as [tf.SymbolicTensor];
  const shown = taps.map((name) => layerOf(model, name).output as tf.SymbolicTensor);
  const beside = learnt.length > 0 ? new LearntLayer(learnt) : undefined;
  const whole = tf.model({
    inputs: model.inputs,
    outputs: [beside ? (beside.apply(logits) as tf.SymbolicTensor) : logits, ...shown],
    name: model.name,
  });
  return { model: whole, dispose: () => beside?.dispose() };
}

/** The name of a weight that is learnt beside the model, of its name among all weights; undefined for the model's own. */
export function learntName(weight: string): string | undefined {
  return weight.startsWith(`${LEARNT}/`) ? weight.slice(LEARNT.length + 1) : undefined;
}

/** What a model gives: logits, then what its taps give. */
export function applyModel(model: tf.LayersModel, inputs: tf.Tensor, training: boolean): tf.Tensor[] {
  const given = model.apply(inputs, { training }) as tf.Tensor | tf.Tensor[];
  return Array.isArray(given) ? given : [given];
}

/** Logits in inference mode: [batch, classes]. */
export function inferLogits(model: tf.LayersModel, inputs: tf.Tensor): tf.Tensor {
  return applyModel(model, inputs, false)[0] as tf.Tensor;
}

function layerOf(model: tf.LayersModel, name: string): tf.layers.Layer {
  const found = model.layers.find((layer) => layer.name === name);
  if (found) return found;
  const known = model.layers.map((layer) => layer.name);
  throw new UnknownLayer(
    `Cannot look into layer "${name}" of the model "${model.name}": it has [${known.join(", ")}]`,
    { fields: { layer: name, known } },
  );
}

/** Gives what it takes, and holds weights that a loss uses. */
class LearntLayer extends tf.layers.Layer {
  static readonly className = "Learnt";
  readonly #weights: readonly Beside[];

  constructor(weights: readonly Beside[]) {
    super({ name: LEARNT });
    this.#weights = weights;
  }

  override build(): void {
    for (const { name, shape, initial } of this.#weights) {
      const first = tf.tensor(initial.slice(), [...shape]);
      this.addWeight(name, [...shape], "float32", tf.initializers.zeros()).write(first);
      first.dispose();
    }
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return Array.isArray(inputs) ? (inputs[0] as tf.Tensor) : inputs;
  }
}
