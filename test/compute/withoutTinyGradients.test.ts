import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { eagerGradients } from "../../shared/compute/eagerGradients.ts";
import type { Objective } from "../../shared/compute/objective.ts";
import { withoutTinyGradients } from "../../shared/compute/withoutTinyGradients.ts";
import { crossEntropy } from "../../shared/distill/losses/crossEntropy.ts";
import { buildModel } from "../../shared/model/build.ts";
import { weightSlots } from "../../shared/model/weights.ts";
import { preferredBackend } from "../helpers/preferredBackend.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: preferredBackend });
});

describe("gradients of logits", () => {
  it("pass as they are, and are 0 below 1e-24", () => {
    tf.tidy(() => {
      const upstream = tf.tensor2d([[1, -1, 2e-24, -2e-24, 5e-25, -5e-25, 1e-40, 0]]);
      const logits = tf.tensor2d([[1, 2, 3, 4, 5, 6, 7, 8]]);
      const { value, grads } = tf.valueAndGrads((x: tf.Tensor) =>
        tf.sum(tf.mul(withoutTinyGradients(x), upstream)),
      )([logits]);
      const plain = tf.sum(tf.mul(logits, upstream));
      expect(value.dataSync()).toEqual(plain.dataSync());
      const kept = Float32Array.of(1, -1, 2e-24, -2e-24, 0, 0, 0, 0);
      expect((grads[0] as tf.Tensor).dataSync()).toEqual(kept);
    });
  });

  it("of samples that are known by heart leave no subnormal number in any layer's", () => {
    const model = buildModel({ arch: "mlp", hidden: [8, 8], inputDropout: 0, dropout: 0 }, [4], 3, ["heart"]);
    const slots = weightSlots(model);
    const inputs = tf.ones([4, 4]);
    // So that the second class has a probability of e^-97 = 7e-43: it and what comes of it are subnormal.
    const sorted = [...(model.predict(inputs) as tf.Tensor2D).dataSync().slice(0, 3)].sort((a, b) => b - a);
    const scale = 97 / ((sorted[0] as number) - (sorted[1] as number));
    const objective: Objective = {
      targets: {},
      gather: () => ({}),
      loss: (logits) => crossEntropy(tf.mul(logits, scale), tf.argMax(logits, 1)),
    };
    const none = { mask: () => tf.scalar(1) };
    const { loss, gradients } = eagerGradients(model, slots, objective, inputs, {}, none);
    const numbers = gradients.flatMap((one) => [...(one?.dataSync() ?? [])]);
    expect(numbers.filter((n) => n !== 0 && Math.abs(n) < 2 ** -126)).toEqual([]);
    tf.dispose([inputs, loss, gradients.filter((one) => one !== undefined)]);
    model.dispose();
  });
});
