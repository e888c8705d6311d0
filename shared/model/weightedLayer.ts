import * as tf from "@tensorflow/tfjs";

/** A layer with weights of its own, which `buildModel` draws: here they start at zero. */
export abstract class WeightedLayer extends tf.layers.Layer {
  readonly #weights = new Map<string, tf.LayerVariable>();

  protected makeWeight(name: string, shape: readonly number[], trained = true): void {
    const zeros = tf.initializers.zeros();
    this.#weights.set(name, this.addWeight(name, [...shape], "float32", zeros, undefined, trained));
  }

  /** @throws RangeError for a weight that `build` did not make */
  protected weight(name: string): tf.LayerVariable {
    const found = this.#weights.get(name);
    if (found === undefined) throw new RangeError(`Cannot find weight ${name} of layer ${this.name}`);
    return found;
  }
}
