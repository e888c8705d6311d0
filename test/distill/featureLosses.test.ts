import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { averaged, sameSize } from "../../shared/distill/features/maps.ts";
import { activity, attentionTransfer } from "../../shared/distill/losses/attentionTransfer.ts";
import { contrast, critic, embedding, normaliserOf } from "../../shared/distill/losses/crd.ts";
import { fitnets, project } from "../../shared/distill/losses/fitnets.ts";
import { nst } from "../../shared/distill/losses/nst.ts";
import { centredGram, gramOf } from "../../shared/distill/losses/pairs.ts";
import { rkdAngle, rkdDistance } from "../../shared/distill/losses/rkd.ts";
import { similarityPreserving } from "../../shared/distill/losses/similarityPreserving.ts";
import { initialScale, vid } from "../../shared/distill/losses/vid.ts";
import { expectParity } from "../helpers/compiled.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber, goldenVector } from "../helpers/golden.ts";
import { expectClose, expectNoLeak, onEachBackend, valuesOf } from "../helpers/tensors.ts";

const valueIn = (compute: () => tf.Tensor): number => valuesOf(compute)[0] as number;
const matrix = (key: string) => (): tf.Tensor2D => tf.tensor2d(goldenMatrix(key));
const map = (key: string) => (): tf.Tensor4D => tf.tensor(goldenMatrix(key)) as tf.Tensor4D;

/** Numbers that do not repeat, the same on every backend. */
const drawn = (name: string, shape: number[]): tf.Tensor => {
  const stream = rng("feature losses", name);
  const length = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length }, () => stream.normal()),
    shape,
  );
};

type Loss = (student: tf.Tensor) => tf.Tensor;
interface Case {
  shape: number[];
  loss: () => Loss;
  /** What the student is when it agrees with the teacher; absent: the loss has no such point. */
  teacher?: () => tf.Tensor;
  /** Of values where they agree: roots keep a small number inside. */
  zero?: number;
}

const [B, D] = [5, 4];
const pairs = (): tf.Tensor2D => gramOf(drawn("teacher", [B, 3]));
const teacherMap = (): tf.Tensor4D => drawn("teacher map", [3, 2, 2, 4]) as tf.Tensor4D;
/** Samples 0, 1, 2 are of one chunk and 3, 4 of another. */
const known = (): tf.Tensor2D => {
  const chunk = [0, 0, 0, 1, 1];
  return tf.tensor2d(chunk.map((a) => chunk.map((b) => (a === b ? 1 : 0))));
};

const cases: Record<string, Case> = {
  fitnets: {
    shape: [B, D],
    teacher: () => drawn("target", [B, D]),
    loss: () => (z) => fitnets(z, drawn("target", [B, D])),
  },
  "the regressor of fitnets": {
    shape: [3, 2, 2, D],
    loss: () => (z) => fitnets(project(z, drawn("W", [D, 3]) as tf.Tensor2D), drawn("out", [3, 2, 2, 3])),
  },
  "attention transfer, official": {
    shape: [3, 2, 2, 4],
    teacher: teacherMap,
    loss: () => (z) => attentionTransfer(activity(z as tf.Tensor4D), activity(teacherMap()), "official"),
  },
  "attention transfer, principled": {
    shape: [3, 2, 2, 4],
    teacher: teacherMap,
    zero: 2e-6,
    loss: () => (z) => attentionTransfer(activity(z as tf.Tensor4D), activity(teacherMap()), "principled"),
  },
  vid: {
    shape: [B, D],
    loss: () => (z) => vid(z, drawn("target", [B, D]), tf.tensor1d([0, 1, -1, 4.99])),
  },
  "vid, by its scale": {
    shape: [D],
    loss: () => (z) => vid(drawn("mu", [B, D]), drawn("target", [B, D]), z as tf.Tensor1D),
  },
  nst: {
    shape: [3, 2, 2, 4],
    teacher: teacherMap,
    loss: () => (z) => nst(z as tf.Tensor4D, teacherMap()),
  },
  "RKD's distances": {
    shape: [B, D],
    teacher: () => drawn("relations", [B, D]),
    loss: () => (z) => rkdDistance(centredGram(z), centredGram(drawn("relations", [B, D]))),
  },
  "RKD's distances of known pairs": {
    shape: [B, D],
    loss: () => (z) => rkdDistance(centredGram(z), pairs(), known()),
  },
  "RKD's angles": {
    shape: [B, D],
    teacher: () => drawn("relations", [B, D]),
    loss: () => (z) => rkdAngle(centredGram(z), centredGram(drawn("relations", [B, D]))),
  },
  "RKD's angles of known pairs": {
    shape: [B, D],
    loss: () => (z) => rkdAngle(centredGram(z), pairs(), known()),
  },
  "similarity preserving": {
    shape: [B, D],
    teacher: () => drawn("relations", [B, D]),
    loss: () => (z) => similarityPreserving(gramOf(z), gramOf(drawn("relations", [B, D]))),
  },
  "similarity preserving of known pairs": {
    shape: [B, D],
    loss: () => (z) => similarityPreserving(gramOf(z), pairs(), known()),
  },
  crd: {
    shape: [B, D],
    loss: () => (z) => {
      const anchors = embedding(z, drawn("kernel", [D, 3]) as tf.Tensor2D, drawn("bias", [3]) as tf.Tensor1D);
      const unit = (name: string, rows: number): tf.Tensor2D =>
        embedding(drawn(name, [rows, 3]), tf.eye(3), tf.zeros([3]));
      return contrast(critic(anchors, unit("own", B), unit("others", 7), 0.5, 40), 20);
    },
  },
};
const names = Object.keys(cases);
const caseOf = (name: string): Case => cases[name] as Case;

onEachBackend("feature and relation losses", () => {
  describeWithGoldens("on the golden fixtures", () => {
    const [FS, FT, W] = [matrix("hint.fs"), matrix("hint.ft"), matrix("hint.W(2x3)")];
    const [AS, AT] = [map("at.fs(NHWC)"), map("at.ft(NHWC)")];
    const [ES, ET] = [matrix("rel.es"), matrix("rel.et")];

    it("FitNets and the gradient of its regressor equal PyTorch's", () => {
      expectClose(
        valuesOf(() => project(FS(), W())),
        goldenMatrix("hint.projected"),
        1e-6,
      );
      expectClose(
        valueIn(() => fitnets(project(FS(), W()), FT())),
        goldenNumber("fitnet.mse_mean"),
        1e-6,
      );
      const gradient = valuesOf(() => tf.grad((w) => fitnets(project(FS(), w as tf.Tensor2D), FT()))(W()));
      expectClose(gradient, goldenMatrix("fitnet.grad_W(mse_mean)"), 1e-5);
    });

    it("attention transfer equals the authors' code and the paper's equation, by name", () => {
      const at = (variant: "official" | "principled"): number =>
        valueIn(() => attentionTransfer(activity(AS()), activity(AT()), variant));
      expectClose(at("official"), goldenNumber("at.mse_mean(official code)"), 1e-5);
      expectClose(at("principled"), goldenNumber("at.l2norm_mean(paper eq, no beta/2)"), 1e-5);
    });

    it("VID equals PyTorch's, and starts at the variance that is asked for", () => {
      const mu = matrix("hint.projected");
      expectClose(
        valueIn(() => vid(mu(), FT(), tf.tensor1d([0, 1, -1]))),
        goldenNumber("vid.loss(mu=projected,ft,log_scale=[0,1,-1])"),
        1e-5,
      );
      expectClose(initialScale(5), goldenNumber("vid.init log_scale for var=5"), 1e-9);
    });

    it("NST equals PyTorch's", () => {
      expectClose(
        valueIn(() => nst(AS(), AT())),
        goldenNumber("nst.poly2(using at.fs/at.ft)"),
        1e-5,
      );
    });

    it("RKD's distances and angles equal PyTorch's, from products around the mean and from plain ones", () => {
      for (const gram of [centredGram, gramOf]) {
        const d = valueIn(() => rkdDistance(gram(ES()), gram(ET())));
        const a = valueIn(() => rkdAngle(gram(ES()), gram(ET())));
        expectClose(d, goldenNumber("rkd.D(smoothL1,mean incl diag)"), 1e-5);
        expectClose(a, goldenNumber("rkd.A(smoothL1,mean over b^3)"), 1e-5);
        expectClose(25 * d + 50 * a, goldenNumber("rkd.25D+50A"), 1e-5);
      }
    });

    it("similarity preserving equals PyTorch's", () => {
      expectClose(
        valueIn(() => similarityPreserving(gramOf(ES()), gramOf(ET()))),
        goldenNumber("sp.loss(/b^2)"),
        1e-5,
      );
    });

    it("one side of CRD equals the authors' formula", () => {
      const scores = matrix("crd.x(pos first)");
      expectClose(
        valueIn(() => contrast(scores(), 100)),
        goldenNumber("crd.loss_one_side(K=3,N=100)"),
        1e-5,
      );
      expect(goldenVector("crd.x(pos first)")).toHaveLength(2);
    });
  });

  const agreeing = names.filter((name) => caseOf(name).teacher !== undefined);
  it.each(agreeing)("%s is 0 with gradient 0 where student and teacher agree", (name) => {
    const { teacher, loss, zero = 2e-6 } = caseOf(name) as Required<Case>;
    const found = valuesOf(() => {
      const gradient = tf.grad((z) => loss()(z).asScalar())(teacher());
      return tf.concat([loss()(teacher()).reshape([1]), gradient.reshape([-1])]);
    });
    for (const value of found) expect(Math.abs(value)).toBeLessThan(zero);
  });

  it.each(names)("%s has the gradient that differences of its values give", (name) => {
    const { shape, loss } = caseOf(name);
    const step = 4e-3;
    const [given, differences] = [[] as number[], [] as number[]];
    expectNoLeak(() =>
      tf.tidy(() => {
        const z = drawn(`student of ${name}`, shape);
        given.push(
          ...tf
            .grad((x) => loss()(x).asScalar())(z)
            .dataSync(),
        );
        for (let i = 0; i < z.size; i++) {
          const at = (sign: number): number => {
            const moved = z.dataSync().slice();
            moved[i] = (moved[i] as number) + sign * step;
            return loss()(tf.tensor(moved, shape)).dataSync()[0] as number;
          };
          differences.push((at(1) - at(-1)) / (2 * step));
        }
      }),
    );
    const norm = Math.hypot(...differences);
    expect(norm).toBeGreaterThan(1e-3);
    expect(Math.hypot(...given.map((g, i) => g - (differences[i] as number))) / norm).toBeLessThan(5e-3);
  });

  it("relations of known pairs are those of each chunk alone", () => {
    // Similarities: the rows of a chunk do not see the other chunk, so the sum is that of both, over 3^2 + 2^2 pairs.
    const features = drawn("student", [B, D]);
    const whole = valueIn(() => similarityPreserving(gramOf(features), pairs(), known()));
    const part = (from: number, rows: number): number =>
      valueIn(() => {
        const own = pairs().slice([from, from], [rows, rows]) as tf.Tensor2D;
        return similarityPreserving(gramOf(features.slice([from, 0], [rows, D])), own);
      });
    expectClose(whole, (9 * part(0, 3) + 4 * part(3, 2)) / 13, 1e-5);
    features.dispose();
  });

  it("two samples in one place have finite gradients", () => {
    const twins = (): tf.Tensor2D => tf.tensor2d([1, 2, 1, 2, 3, -1], [3, 2]);
    const teacher = (): tf.Tensor2D => centredGram(drawn("three", [3, 2]));
    for (const loss of [rkdDistance, rkdAngle]) {
      const gradient = valuesOf(() => tf.grad((z) => loss(centredGram(z), teacher()))(twins()));
      for (const value of gradient) expect(Number.isFinite(value)).toBe(true);
    }
  });

  it("angles of a large batch are those of its first rows", () => {
    const [many, few] = [10, 6];
    const student = drawn("many", [many, D]);
    const teacher = drawn("many of the teacher", [many, 3]);
    const first = (x: tf.Tensor): tf.Tensor => x.slice([0, 0], [few, x.shape[1] as number]);
    const found = valueIn(() => rkdAngle(gramOf(student), gramOf(teacher), undefined, few));
    expectClose(
      found,
      valueIn(() => rkdAngle(gramOf(first(student)), gramOf(first(teacher)))),
      1e-5,
    );
    tf.dispose([student, teacher]);
  });

  it("maps are averaged to the smaller one's size, along a sequence too", () => {
    const image = (): tf.Tensor4D => tf.range(0, 16).reshape([1, 4, 4, 1]);
    // Of the rows 0 1 2 3 / 4 5 6 7 / ...: (0 + 1 + 4 + 5) / 4 and so on.
    expect(valuesOf(() => averaged(image(), 2, 2))).toEqual([2.5, 4.5, 10.5, 12.5]);
    const small = (): tf.Tensor4D => tf.zeros([1, 2, 2, 1]);
    expect(valuesOf(() => sameSize(small(), image())[1])).toEqual([2.5, 4.5, 10.5, 12.5]);
    expect(valuesOf(() => sameSize(image(), small())[0])).toEqual([2.5, 4.5, 10.5, 12.5]);
    const sequence = (): tf.Tensor4D => tf.range(0, 8).reshape([1, 4, 1, 2]);
    const half = (): tf.Tensor4D => tf.zeros([1, 2, 1, 2]);
    expect(valuesOf(() => sameSize(sequence(), half())[0])).toEqual([1, 2, 5, 6]);
  });

  it("negatives of each sample's own give what shared ones give when they are the same", () => {
    const anchors = (): tf.Tensor2D => embedding(drawn("a", [B, 3]), tf.eye(3), tf.zeros([3]));
    const own = (): tf.Tensor2D => embedding(drawn("o", [B, 3]), tf.eye(3), tf.zeros([3]));
    const others = (): tf.Tensor2D => embedding(drawn("n", [6, 3]), tf.eye(3), tf.zeros([3]));
    const shared = valuesOf(() => critic(anchors(), own(), others(), 0.07, 100));
    const each = valuesOf(() =>
      critic(anchors(), own(), others().expandDims(0).tile([B, 1, 1]) as tf.Tensor3D, 0.07, 100),
    );
    expectClose(each, shared, 1e-5);
  });
});

it("the normaliser of CRD is what a sum over random unit vectors comes to", () => {
  // Of 200,000 random vectors in 16 dimensions at tau 0.5, relative to the first axis.
  const [dimension, tau, count] = [16, 0.5, 200_000];
  const stream = rng("normaliser");
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const vector = Array.from({ length: dimension }, () => stream.normal());
    sum += Math.exp((vector[0] as number) / Math.hypot(...vector) / tau);
  }
  expectClose(normaliserOf(1000, dimension, tau), (1000 * sum) / count, 5e-3);
});

describe("compiled", () => {
  beforeAll(async () => {
    await chooseBackend({ prefer: "cpu" });
  });
  it.each(names)("%s has the value and gradient of TensorFlow.js", async (name) => {
    const { shape, loss } = caseOf(name);
    const z = drawn(`student of ${name}`, shape);
    await expectParity({ z }, ({ z }) => {
      const value = (x: tf.Tensor): tf.Scalar => loss()(x).asScalar();
      return { value: value(z as tf.Tensor), gradient: tf.grad(value)(z as tf.Tensor) };
    });
    z.dispose();
  });
});
