import * as tf from "@tensorflow/tfjs";
import { firstShape, lastSize, tensorsOf } from "./layerInputs.ts";
import { WeightedLayer } from "./weightedLayer.ts";

/**
 * x W + b over the last axis, as one product of [batch * length, in] and [in, units].
 * Input: [batch, length, in]. Output: [batch, length, units].
 */
export class Projection extends WeightedLayer {
  static readonly className = "StillhouseProjection";
  private readonly units: number;

  constructor(config: { name: string; units: number }) {
    super({ name: config.name });
    this.units = config.units;
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    this.makeWeight("projection", [lastSize(inputShape), this.units]);
    this.makeWeight("bias", [this.units]);
    this.built = true;
  }

  override computeOutputShape(shapes: tf.Shape | tf.Shape[]): tf.Shape {
    return [...firstShape(shapes).slice(0, -1), this.units];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [x] = tensorsOf(inputs);
      const rows = x.reshape([-1, x.shape.at(-1) as number]) as tf.Tensor2D;
      const kernel = this.weight("projection").read() as tf.Tensor2D;
      const product = tf.fused.matMul({ a: rows, b: kernel, bias: this.weight("bias").read() });
      return product.reshape([...x.shape.slice(0, -1), this.units]);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), units: this.units };
  }
}
