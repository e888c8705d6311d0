import * as tf from "@tensorflow/tfjs";
import { withGradient } from "./customGradient.ts";
import { lastSize, tensorsOf } from "./layerInputs.ts";
import { WeightedLayer } from "./weightedLayer.ts";

/**
 * A learned vector for each token, plus one for its place. Rows may be shorter than those that the layer was built
 * for: they take the first places. Input: token ids, [batch, length], of whatever type. Output: [batch, length, width].
 */
export class TokenEmbedding extends WeightedLayer {
  static readonly className = "StillhouseTokenEmbedding";
  private readonly vocabulary: number;
  private readonly width: number;

  constructor(config: { name: string; vocabulary: number; width: number }) {
    super({ name: config.name });
    this.vocabulary = config.vocabulary;
    this.width = config.width;
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    this.makeWeight("tokens", [this.vocabulary, this.width]);
    this.makeWeight("places", [lastSize(inputShape), this.width]);
    this.built = true;
  }

  override computeOutputShape(shapes: tf.Shape | tf.Shape[]): tf.Shape {
    return [null, lastSize(shapes), this.width];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [ids] = tensorsOf(inputs);
      const [batch, length] = ids.shape as [number, number];
      const tokens = lookUp(this.weight("tokens").read(), ids.toInt().flatten());
      const places = this.weight("places").read();
      const first = places.shape[0] === length ? places : places.slice([0, 0], [length, this.width]);
      return tokens.reshape([batch, length, this.width]).add(first);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), vocabulary: this.vocabulary, width: this.width };
  }
}

/**
 * Rows of a table: [ids, width]. The gradient is written out: the library's own goes over all ids once for each row
 * of the table.
 */
function lookUp(table: tf.Tensor, ids: tf.Tensor1D): tf.Tensor {
  return withGradient([table], () => ({
    value: tf.gather(table, ids),
    saved: [ids],
    gradient: (dy, saved) => [tf.scatterND((saved[0] as tf.Tensor).expandDims(1), dy, table.shape)],
  }));
}
