import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { crossEntropy } from "../../shared/distill/losses/crossEntropy.ts";
import { decoupledKdRows } from "../../shared/distill/losses/decoupledKd.ts";
import { dist } from "../../shared/distill/losses/dist.ts";
import { forwardKlRows } from "../../shared/distill/losses/forwardKl.ts";
import { jensenShannonRows } from "../../shared/distill/losses/jensenShannon.ts";
import { logitMseRows } from "../../shared/distill/losses/logitMse.ts";
import { reverseKlRows } from "../../shared/distill/losses/reverseKl.ts";
import { standardise } from "../../shared/distill/losses/standardise.ts";
import { virtualTeacher } from "../../shared/distill/losses/virtualTeacher.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber, goldenVector } from "../helpers/golden.ts";
import { expectClose, expectNoLeak, onEachBackend, valuesOf } from "../helpers/tensors.ts";

const matrix = (key: string) => (): tf.Tensor2D => tf.tensor2d(goldenMatrix(key));
const [S, V] = [matrix("A.student"), matrix("A.teacher")];
const [S4, V4] = [matrix("B.student"), matrix("B.teacher")];
const y = (): tf.Tensor1D => tf.tensor1d(goldenVector("A.labels"), "int32");
const logProbs = (logits: tf.Tensor2D, T: number): tf.Tensor2D => tf.logSoftmax(logits.div<tf.Tensor2D>(T));

const meanOf = (compute: () => tf.Tensor): number => valuesOf(() => compute().mean())[0] as number;

type Loss = (student: tf.Tensor2D) => tf.Tensor;

/** Losses of a student beside a teacher's logits; `make` computes what is no function of the student. */
const losses: Record<string, (teacher: tf.Tensor2D, labels: tf.Tensor1D) => Loss> = {
  "forward KL at T=4": (v) => (z) => forwardKlRows(z, logProbs(v, 4), 4),
  "reverse KL at T=1": (v) => (z) => reverseKlRows(z, logProbs(v, 1), 1),
  "reverse KL at T=4": (v) => (z) => reverseKlRows(z, logProbs(v, 4), 4),
  "generalised JSD at beta 0.1": (v) => (z) => jensenShannonRows(z, logProbs(v, 2), 2, 0.1),
  "generalised JSD at beta 0.5": (v) => (z) => jensenShannonRows(z, logProbs(v, 1), 1, 0.5),
  "logit MSE": (v) => (z) => logitMseRows(z, v, false),
  "logit MSE, centred": (v) => (z) => logitMseRows(z, v, true),
  "DKD at T=4": (v, labels) => (z) => decoupledKdRows(z, logProbs(v, 4), labels, 4, { alpha: 1, beta: 8 }),
  "DIST at T=1": (v) => (z) => dist(z, logProbs(v, 1), 1, { beta: 1, gamma: 1 }),
  "DIST at T=4": (v) => (z) => dist(z, logProbs(v, 4), 4, { beta: 2, gamma: 2 }),
  "standardised KD": (v) => (z) =>
    forwardKlRows(standardise(z, "official"), logProbs(standardise(v, "official"), 2), 2),
};
const names = Object.keys(losses);

onEachBackend("response losses", () => {
  describeWithGoldens("on the golden fixtures", () => {
    it("reverse KL equals PyTorch's", () => {
      expectClose(
        meanOf(() => reverseKlRows(S(), logProbs(V(), 1), 1)),
        goldenNumber("rkl.T1.noT2"),
        1e-5,
      );
      const atFour = meanOf(() => reverseKlRows(S(), logProbs(V(), 4), 4));
      expectClose(atFour, goldenNumber("rkl.T4.T2"), 1e-5);
      expectClose(atFour / 16, goldenNumber("rkl.T4.noT2"), 1e-5);
    });

    it.each([0.1, 0.5, 0.9])("generalised JSD equals PyTorch's at beta %d", (beta) => {
      const value = meanOf(() => jensenShannonRows(S(), logProbs(V(), 1), 1, beta));
      expectClose(value, goldenNumber(`gjsd.beta${beta}.T1`), 1e-5);
    });

    it("generalised JSD is multiplied by T^2", () => {
      const value = meanOf(() => jensenShannonRows(S(), logProbs(V(), 4), 4, 0.5));
      expectClose(value, 16 * goldenNumber("gjsd.beta0.5.T4.noT2"), 1e-5);
    });

    it("generalised JSD is forward KL at beta 0 and reverse KL at beta 1, its limits", () => {
      const at = (beta: number): number => meanOf(() => jensenShannonRows(S(), logProbs(V(), 1), 1, beta));
      expectClose(at(0), goldenNumber("gjsd.limit beta1e-6/beta (~fwdKL)"), 1e-5);
      expectClose(at(1), goldenNumber("gjsd.limit (1-1e-6)/1e-6 (~revKL)"), 1e-5);
    });

    it("logit MSE equals PyTorch's, plain and centred", () => {
      expectClose(
        meanOf(() => logitMseRows(S(), V(), false)),
        goldenNumber("mse.logits.mean_BC"),
        1e-5,
      );
      expectClose(
        meanOf(() => logitMseRows(S(), V(), true)),
        goldenNumber("mse.logits.centred.mean_BC"),
        1e-5,
      );
    });

    it.each([1, 4])("DKD and its two parts equal PyTorch's at T=%d", (T) => {
      const at = (alpha: number, beta: number): number =>
        meanOf(() => decoupledKdRows(S(), logProbs(V(), T), y(), T, { alpha, beta }));
      expectClose(at(1, 0), goldenNumber(`dkd.tckd.T${T}(T2)`), 1e-5);
      expectClose(at(0, 1), goldenNumber(`dkd.nckd.T${T}(T2)`), 1e-5);
      expectClose(at(1, 8), goldenNumber(`dkd.total.a1.b8.T${T}(T2)`), 1e-5);
    });

    it.each([1, 4])("DIST equals PyTorch's at T=%d, with and without T^2", (T) => {
      const at = (beta: number, gamma: number): number =>
        meanOf(() => dist(S4(), logProbs(V4(), T), T, { beta, gamma }));
      expectClose(at(1, 0), T * T * goldenNumber(`dist.inter.T${T}`), 1e-5);
      expectClose(at(0, 1), T * T * goldenNumber(`dist.intra.T${T}`), 1e-5);
      expectClose(at(1, 1), goldenNumber(`dist.total.b1g1.T${T}.T2`), 1e-5);
    });

    it("logit standardisation equals the authors' code by the sample deviation, and TensorFlow's by the population's", () => {
      const kd = (deviation: "official" | "principled"): number =>
        meanOf(() => forwardKlRows(standardise(S(), deviation), logProbs(standardise(V(), deviation), 2), 2));
      expectClose(
        valuesOf(() => standardise(V(), "official")),
        goldenMatrix("lskd.zscore.teacher.ddof1"),
        1e-5,
      );
      expectClose(kd("official"), goldenNumber("lskd.KL.T2.tau2.ddof1(official torch.std)"), 1e-5);
      expectClose(kd("principled"), goldenNumber("lskd.KL.T2.tau2.ddof0(tf.moments)"), 1e-5);
    });

    it("label smoothing equals PyTorch's", () => {
      const value = meanOf(() => crossEntropy(S(), y(), 0.1));
      expectClose(value, goldenNumber("ls.torch.CE(label_smoothing=.1)"), 1e-5);
    });

    it("the virtual teacher of TF-KD is the authors' or what a temperature means, by name", () => {
      const official = (): tf.Tensor2D => virtualTeacher(y(), 3, 0.99, 20, "official");
      expectClose(
        valuesOf(() => official().exp()),
        goldenMatrix("tfkd.virtual_target.softmax(p_d/20)(official)"),
        1e-5,
      );
      expectClose(
        valuesOf(() => virtualTeacher(y(), 3, 0.99, 20, "principled").exp()),
        goldenMatrix("tfkd.target.tempered_prob p^(1/20)(principled)"),
        1e-5,
      );
      expectClose(
        meanOf(() => forwardKlRows(S(), official(), 1)),
        goldenNumber("tfkd.reg.KL(official target, batchmean)"),
        1e-5,
      );
    });
  });

  // Four samples of five classes, so that rows and columns differ in length.
  const random = (seed: string) => (): tf.Tensor2D => tf.randomNormal([4, 5], 0, 2, "float32", seed.length);
  const [student, teacher] = [random("a"), random("bc")];
  const labels = (): tf.Tensor1D => tf.tensor1d([0, 4, 2, 2], "int32");

  it.each(names)("%s is 0 with gradient 0 where student and teacher agree", (name) => {
    const found = valuesOf(() => {
      const loss = (losses[name] as (typeof losses)[string])(teacher(), labels());
      const value = loss(teacher()).mean();
      const gradient = tf.grad((z) => loss(z as tf.Tensor2D).mean())(teacher());
      return tf.concat([value.reshape([1]), gradient.reshape([-1])]);
    });
    // DIST's epsilon, as its authors have it, is not small beside the spread of softmaxes at T = 4.
    const bound = name.startsWith("DIST") ? 2e-4 : 5e-6;
    for (const value of found) expect(Math.abs(value)).toBeLessThan(bound);
  });

  it.each(names)("%s has the gradient that differences of its values give", (name) => {
    const step = 1e-2;
    const [given, direction, differences] = [[] as number[], [] as number[], [] as number[]];
    expectNoLeak(() =>
      tf.tidy(() => {
        const loss = (losses[name] as (typeof losses)[string])(teacher(), labels());
        const z = student();
        given.push(
          ...tf
            .grad((x) => loss(x as tf.Tensor2D).mean())(z)
            .dataSync(),
        );
        for (let i = 0; i < z.size; i++) {
          const at = (sign: number): number => {
            const moved = z.dataSync().slice();
            moved[i] = (moved[i] as number) + sign * step;
            return loss(tf.tensor2d(moved, [4, 5]))
              .mean()
              .dataSync()[0] as number;
          };
          direction.push(i);
          differences.push((at(1) - at(-1)) / (2 * step));
        }
      }),
    );
    const norm = Math.hypot(...differences);
    expect(norm).toBeGreaterThan(1e-3);
    expect(Math.hypot(...given.map((g, i) => g - (differences[i] as number))) / norm).toBeLessThan(5e-3);
  });
});
