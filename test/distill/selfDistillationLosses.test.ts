import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { byotExit } from "../../shared/distill/losses/byot.ts";
import { confidences, confidenceWeighted } from "../../shared/distill/losses/confidenceWeighted.ts";
import { crossEntropy } from "../../shared/distill/losses/crossEntropy.ts";
import { forwardKl } from "../../shared/distill/losses/forwardKl.ts";
import { gatedLogits } from "../../shared/distill/losses/gatedLogits.ts";
import { infoNce } from "../../shared/distill/losses/infoNce.ts";
import { probabilityMseRows } from "../../shared/distill/losses/probabilityMse.ts";
import { psKdRows, trustAt } from "../../shared/distill/losses/psKd.ts";
import { stopGradient } from "../../shared/distill/losses/stopGradient.ts";
import { emaDecay, moveAverage } from "../../shared/distill/meanTeacher.ts";
import { expectParity } from "../helpers/compiled.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber, goldenVector } from "../helpers/golden.ts";
import { expectClose, expectNoLeak, onEachBackend, valuesOf } from "../helpers/tensors.ts";

const matrix = (key: string) => (): tf.Tensor2D => tf.tensor2d(goldenMatrix(key));
const [S, V] = [matrix("A.student"), matrix("A.teacher")];
const y = (): tf.Tensor1D => tf.tensor1d(goldenVector("A.labels"), "int32");

const valueIn = (compute: () => tf.Tensor): number => valuesOf(compute)[0] as number;

/** Four samples of five classes, the third without a label. */
interface Batch {
  teacher: tf.Tensor2D;
  labels: tf.Tensor1D;
}
type Loss = (z: tf.Tensor2D, batch: Batch) => tf.Tensor;
const unit = (x: tf.Tensor2D): tf.Tensor2D => x.div<tf.Tensor2D>(x.square().sum(1, true).sqrt());

const losses: Record<string, Loss> = {
  "PS-KD with one trust": (z, { teacher, labels }) => psKdRows(z, labels, tf.softmax(teacher), 0.3).mean(),
  "PS-KD with a trust a sample": (z, { teacher, labels }) =>
    psKdRows(z, labels, tf.softmax(teacher), tf.tensor1d([0, 0.2, 1, 0.5])).mean(),
  "MSE of probabilities": (z, { teacher }) => probabilityMseRows(z, tf.logSoftmax(teacher)).mean(),
  CWTM: (z, { teacher, labels }) => confidenceWeighted(z, labels, confidences(tf.logSoftmax(teacher))),
  "an exit of BYOT": (z, { teacher, labels }) =>
    byotExit({ logits: z, features: z.square() }, { logits: teacher, features: teacher }, labels),
  InfoNCE: (z, { teacher }) => infoNce(unit(z), unit(teacher), 0.5),
  "a gate of ONE": (z, { teacher, labels }) =>
    crossEntropy(gatedLogits([z, teacher], tf.softmax(z.slice([0, 0], [4, 2]))), labels),
};
const names = Object.keys(losses);
const lossOf = (name: string): Loss => losses[name] as Loss;
const student = (): tf.Tensor2D => tf.randomNormal([4, 5], 0, 2, "float32", 1);
const batch = (): Batch => ({
  teacher: tf.randomNormal([4, 5], 0, 2, "float32", 2),
  labels: tf.tensor1d([0, 4, -1, 2], "int32"),
});

onEachBackend("losses of self-distillation", () => {
  describeWithGoldens("on the golden fixtures", () => {
    it("PS-KD and its trust equal PyTorch's", () => {
      const trust = trustAt(30, 300);
      expectClose(trust, goldenNumber("pskd.alpha_t(epoch30/300,a_T=.8)"), 1e-9);
      const expected = goldenNumber("pskd.loss(prev-epoch logits=A.teacher)");
      for (const a of [() => trust, () => tf.tensor1d([trust, trust])]) {
        expectClose(
          valueIn(() => psKdRows(S(), y(), tf.softmax(V()), a()).mean()),
          expected,
          1e-5,
        );
      }
    });

    it("the consistency of mean teacher equals PyTorch's", () => {
      expectClose(
        valueIn(() => probabilityMseRows(S(), tf.logSoftmax(V())).mean()),
        goldenNumber("meanteacher.consistency MSE(probs) mean_BC"),
        1e-5,
      );
    });

    it("CWTM's weights and loss equal PyTorch's", () => {
      const weights = (): tf.Tensor1D => confidences(tf.logSoftmax(V()));
      expectClose(valuesOf(weights), goldenVector("cwtm.weights(max p_teacher)"), 1e-5);
      expectClose(
        valueIn(() => confidenceWeighted(S(), y(), weights())),
        goldenNumber("cwtm.loss sum(w*CE)/sum(w)"),
        1e-5,
      );
    });

    it("an exit of BYOT equals PyTorch's", () => {
      const exit = () => ({ logits: S(), features: matrix("hint.projected")() });
      const deepest = () => ({ logits: V(), features: matrix("hint.ft")() });
      expectClose(
        valueIn(() => byotExit(exit(), deepest(), y())),
        goldenNumber("byot.exit: .7CE+.3KL(T1)+.03*|F-F|^2"),
        1e-5,
      );
    });

    it("InfoNCE within a batch equals PyTorch's cross-entropy with the diagonal", () => {
      const kernel = [
        [1, 0, 0.5],
        [0, 1, 0.5],
      ];
      const projected = (): tf.Tensor2D =>
        unit(tf.matMul<tf.Tensor2D>(matrix("rel.es")(), tf.tensor2d(kernel)));
      expectClose(
        valueIn(() => infoNce(projected(), unit(matrix("rel.et")()), 0.07)),
        goldenNumber("infonce.inbatch.tau0.07(proj es@[[1,0,.5],[0,1,.5]])"),
        1e-5,
      );
    });

    it("deep mutual learning is cross-entropy and forward KL from the peer", () => {
      const net = (own: () => tf.Tensor2D, peer: () => tf.Tensor2D): number =>
        valueIn(() => crossEntropy(own(), y()).add(forwardKl(own(), tf.logSoftmax(peer()), 1)));
      expectClose(net(S, V), goldenNumber("dml.loss_net1(peer=A.teacher) CE+KL(p2||p1)"), 1e-5);
      expectClose(net(V, S), goldenNumber("dml.loss_net2 CE+KL(p1||p2)"), 1e-5);
    });

    it("the gate of ONE and its whole loss equal PyTorch's", () => {
      const gated = (): tf.Tensor2D => gatedLogits([S(), V()], tf.tensor1d([0.3, 0.7]));
      expectClose(valuesOf(gated), goldenMatrix("one.gate[.3,.7] ensemble logits"), 1e-5);
      const total = (): tf.Tensor => {
        const target = tf.logSoftmax(gated().div<tf.Tensor2D>(3));
        return [S(), V(), gated()]
          .map((logits): tf.Tensor => crossEntropy(logits, y()))
          .concat([S(), V()].map((logits) => forwardKl(logits, target, 3)))
          .reduce((sum, term) => sum.add(term));
      };
      expectClose(valueIn(total), goldenNumber("one.total sum CE_i+CE_e+9*sum KL(pe||pi) T3"), 1e-5);
    });

    it("a mean teacher's average equals a plain one's, with and without warm-up", () => {
      const follow = (decay: (step: number) => number): number[] => {
        const average = Float32Array.of(1);
        return [2, 3, 4].map((weight, step) => {
          moveAverage(average, Float32Array.of(weight), decay(step));
          return average[0] as number;
        });
      };
      expectClose(
        follow(() => 0.99),
        goldenVector("ema.a.99.theta=1,student seq 2,3,4"),
        1e-6,
      );
      expectClose(
        follow((step) => emaDecay(step, 0.99)),
        goldenVector("ema.warmup min(1-1/(step+1),.99) seq"),
        1e-6,
      );
    });
  });

  it("MSE of probabilities is 0 with gradient 0 where both agree", () => {
    const { teacher } = batch();
    const target = tf.logSoftmax(teacher); // outside of the gradient
    const loss = (z: tf.Tensor): tf.Tensor => probabilityMseRows(z as tf.Tensor2D, target).mean();
    const found = valuesOf(() => tf.concat([loss(teacher).reshape([1]), tf.grad(loss)(teacher).flatten()]));
    for (const value of found) expect(Math.abs(value)).toBeLessThan(1e-6);
  });

  it("PS-KD without trust is cross-entropy, and with all of it has no gradient where both agree", () => {
    const { teacher } = batch();
    const labels = (): tf.Tensor1D => tf.tensor1d([0, 4, 1, 2], "int32");
    expectClose(
      valueIn(() => psKdRows(teacher, labels(), tf.softmax(teacher), 0).mean()),
      valueIn(() => crossEntropy(teacher, labels())),
      1e-5,
    );
    const previous = tf.softmax(teacher);
    const loss = (z: tf.Tensor): tf.Tensor => psKdRows(z as tf.Tensor2D, labels(), previous, 1).mean();
    for (const value of valuesOf(() => tf.grad(loss)(teacher))) expect(Math.abs(value)).toBeLessThan(1e-6);
  });

  it("CWTM leaves out samples without a label, and is 0 with gradient 0 where none has one", () => {
    const { teacher } = batch();
    const at = (z: tf.Tensor2D, labels: number[], weights: number[]): tf.Scalar =>
      confidenceWeighted(z, tf.tensor1d(labels, "int32"), tf.tensor1d(weights));
    // With weights 1, 3 and 0 for the unlabelled: (CE_0 + 3 CE_1) / 4, from logits that give CE log 5 and log 5.
    expectClose(
      valueIn(() => at(tf.zeros([4, 5]), [0, 4, -1, -1], [1, 3, 9, 9])),
      Math.log(5),
      1e-5,
    );
    const none = (z: tf.Tensor): tf.Tensor => at(z as tf.Tensor2D, [-1, -1, -1, -1], [1, 1, 1, 1]);
    const found = valuesOf(() => tf.concat([none(teacher).reshape([1]), tf.grad(none)(teacher).flatten()]));
    for (const value of found) expect(Math.abs(value)).toBe(0);
  });

  it.each(names)("%s has the gradient that differences of its values give", (name) => {
    const step = 1e-2;
    const [given, differences] = [[] as number[], [] as number[]];
    expectNoLeak(() =>
      tf.tidy(() => {
        const [z, fixed] = [student(), batch()];
        const loss = (x: tf.Tensor): tf.Tensor => lossOf(name)(x as tf.Tensor2D, fixed).asScalar();
        given.push(...tf.grad(loss)(z).dataSync());
        const from = z.dataSync();
        for (let i = 0; i < z.size; i++) {
          const at = (sign: number): number => {
            const moved = from.map((value, k) => (k === i ? value + sign * step : value));
            return loss(tf.tensor2d(moved, [4, 5])).dataSync()[0] as number;
          };
          differences.push((at(1) - at(-1)) / (2 * step));
        }
      }),
    );
    const norm = Math.hypot(...differences);
    expect(norm).toBeGreaterThan(1e-3);
    expect(Math.hypot(...given.map((g, i) => g - (differences[i] as number))) / norm).toBeLessThan(5e-3);
  });

  it("a stopped gradient leaves values as they are, and only the other factor's gradient", () => {
    // d/dx of x stop(x) is x; without the stop it would be 2x.
    const x = (): tf.Tensor1D => tf.tensor1d([1, -2, 3]);
    const product = (z: tf.Tensor): tf.Tensor => z.mul(stopGradient(z)).sum();
    expect(valueIn(() => product(x()))).toBe(14);
    expect(valuesOf(() => tf.grad(product)(x()))).toEqual([1, -2, 3]);
    expect(valuesOf(() => tf.grad((z) => z.mul(0).add(stopGradient(z).square()).sum())(x()))).toEqual([
      0, 0, 0,
    ]);
  });
});

describe("compiled", () => {
  beforeAll(async () => {
    await chooseBackend({ prefer: "cpu" });
  });
  const cases: Record<string, Loss> = {
    ...losses,
    "a stopped gradient": (z) => z.mul(stopGradient(z.square())).sum(),
  };
  it.each(Object.keys(cases))("%s has the value and gradient of TensorFlow.js", async (name) => {
    const inputs = { z: student(), ...batch() };
    await expectParity(inputs, ({ z, teacher, labels }) => {
      const fixed = { teacher: teacher as tf.Tensor2D, labels: labels as tf.Tensor1D };
      const loss = (x: tf.Tensor): tf.Scalar => (cases[name] as Loss)(x as tf.Tensor2D, fixed).asScalar();
      return { value: loss(z as tf.Tensor), gradient: tf.grad(loss)(z as tf.Tensor) };
    });
    tf.dispose(inputs);
  });
});
