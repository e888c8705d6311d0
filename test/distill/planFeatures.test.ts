import { describe, expect, it } from "vitest";
import { RunSpec } from "../../shared/config/spec.ts";
import { planFeatures } from "../../shared/distill/features/planFeatures.ts";
import { FeatureRefused } from "../../shared/distill/features/wantedFeature.ts";

const IMAGES = { inputShape: [28, 28, 1], classes: 10 };

interface About {
  terms: object[];
  features?: object;
  student?: object;
  chunkSize?: number;
}

const cnnTeacher = (name: string, features?: object, more: object = {}) => ({
  name,
  model: { arch: "cnn", channels: [16, 32], dense: 64 },
  train: { epochs: 1 },
  ...(features ? { features } : {}),
  ...more,
});

function spec({ terms, features, student = {}, chunkSize = 512 }: About, teachers?: object[]): RunSpec {
  return RunSpec.parse({
    name: "features",
    data: { dataset: "mnist" },
    teachers: teachers ?? [cnnTeacher("deep", features)],
    student: { model: { arch: "cnn", channels: [4, 8], dense: 16 }, train: { epochs: 1 }, ...student },
    distill: { terms },
    labels: { chunkSize },
  });
}

const layouts = (about: About, teachers?: object[]) => planFeatures(spec(about, teachers), IMAGES).layouts;

describe("what crosses the network of a feature", () => {
  const features = { early: "conv_1", late: "pool_2", head: "dense_1" };

  it("is what some term learns from, and nothing else", () => {
    const terms = [{ kind: "fitnets", feature: "late", layer: "pool_2" }];
    expect(layouts({ terms, features })).toEqual([
      [
        {
          name: "late",
          of: "pool_2",
          tensor: [7, 7, 32],
          order: "nhwc",
          form: "values",
          pool: null,
          shape: [7, 7, 32],
        },
      ],
    ]);
    expect(layouts({ terms: [{ kind: "kl" }], features })).toEqual([[]]);
  });

  it("is one number a place for attention, 32 times less than the map", () => {
    const terms = [{ kind: "attention-transfer", feature: "late", layer: "pool_2" }];
    expect(layouts({ terms, features })[0]).toMatchObject([{ form: "attention", shape: [7, 7] }]);
    const also = [...terms, { kind: "nst", feature: "late", layer: "pool_2" }];
    expect(layouts({ terms: also, features })[0]).toMatchObject([{ form: "values", shape: [7, 7, 32] }]);
  });

  it("is averaged to the size of the student's map before it is sent", () => {
    // The teacher's first convolution is 28 x 28, and the student compares its second pool, 7 x 7.
    const terms = [{ kind: "fitnets", feature: "early", layer: "pool_2" }];
    expect(layouts({ terms, features })[0]).toMatchObject([{ pool: 4, shape: [7, 7, 16] }]);
    // Two terms want 7 x 7 and 14 x 14: what is sent serves both.
    const two = [...terms, { kind: "nst", feature: "early", layer: "pool_1" }];
    expect(layouts({ terms: two, features })[0]).toMatchObject([{ pool: 2, shape: [14, 14, 16] }]);
  });

  it("is a vector of means where the spec says so, which any layer can be compared with", () => {
    const pooled = { late: { of: "pool_2", pool: "mean" } };
    const terms = [{ kind: "fitnets", feature: "late", layer: "dense_1" }];
    expect(layouts({ terms, features: pooled })[0]).toMatchObject([{ pool: "mean", shape: [32] }]);
    const halved = { early: { of: "conv_1", pool: 2 } };
    const relations = [{ kind: "rkd", feature: "early", layer: "dense_1" }];
    expect(layouts({ terms: relations, features: halved })[0]).toMatchObject([
      { pool: 2, shape: [14, 14, 16] },
    ]);
  });

  it("is products for relations where batches stay within chunks and they are smaller", () => {
    const terms = [
      { kind: "rkd", feature: "early", layer: "dense_1" },
      { kind: "similarity-preserving", feature: "early", layer: "conv_1" },
    ];
    const windows = { shuffle: "windows", shuffleChunks: 1 };
    // 28 x 28 x 16 = 12,544 numbers in half precision against 512 in full.
    expect(layouts({ terms, features, student: windows })[0]).toMatchObject([{ form: "gram", shape: [512] }]);
    expect(layouts({ terms, features })[0]).toMatchObject([{ form: "values" }]);
    // A dense layer of 64 is smaller than products with 512 samples.
    const head = [{ kind: "rkd", feature: "head", layer: "dense_1" }];
    expect(layouts({ terms: head, features, student: windows })[0]).toMatchObject([
      { form: "values", shape: [64] },
    ]);
    // An embedding is learnt from the tensor itself.
    const both = [...terms, { kind: "crd", feature: "early", layer: "dense_1" }];
    expect(layouts({ terms: both, features, student: windows })[0]).toMatchObject([{ form: "values" }]);
  });

  it("is read with channels first of an ONNX model, unless the spec says otherwise", () => {
    const terms = [{ kind: "fitnets", feature: "late", layer: "pool_2" }];
    const onnx = (more: object) => [
      {
        name: "net",
        model: {
          format: "onnx",
          path: "net.onnx",
          output: "logits",
          features: { late: { of: "relu5", shape: [7, 7, 5], ...more } },
        },
      },
    ];
    expect(layouts({ terms }, onnx({}))[0]).toMatchObject([{ order: "nchw", tensor: [7, 7, 5] }]);
    expect(layouts({ terms }, onnx({ layout: "nhwc" }))[0]).toMatchObject([{ order: "nhwc" }]);
  });

  it("is nothing for relations between answers, which are sent anyway", () => {
    const { uses, layouts: none } = planFeatures(spec({ terms: [{ kind: "rkd" }, { kind: "crd" }] }), IMAGES);
    expect(none).toEqual([[]]);
    expect(uses.map(({ source, teacherShape }) => [source, teacherShape])).toEqual([
      ["logits", [10]],
      ["logits", [10]],
    ]);
  });
});

describe("a term is refused before anything starts when", () => {
  const features = { early: "conv_1", late: "pool_2", head: "dense_1" };
  const cases: [string, About, RegExp, object[]?][] = [
    [
      "the teacher does not expose its feature",
      { terms: [{ kind: "fitnets", feature: "lat", layer: "pool_2" }], features },
      /fitnets.*"deep" does not expose the feature "lat"; did you mean "late"/,
    ],
    [
      "the teacher exposes none",
      { terms: [{ kind: "nst", feature: "late", layer: "pool_2" }] },
      /exposes none: name them under its `features`/,
    ],
    [
      "the teacher has no such layer",
      { terms: [{ kind: "nst", feature: "late", layer: "pool_2" }], features: { late: "pool_9" } },
      /no layer "pool_9" for its feature "late": it has \[conv_1, pool_1/,
    ],
    [
      "the student has no such layer",
      { terms: [{ kind: "nst", feature: "late", layer: "pool_7" }], features },
      /the student has no layer "pool_7": it has \[conv_1/,
    ],
    [
      "it does not say which of two teachers",
      { terms: [{ kind: "rkd" }] },
      /its teacher is not said: expected one of \[a, b\]/,
      [cnnTeacher("a"), cnnTeacher("b")],
    ],
    [
      "the sizes of maps have no common factor",
      {
        terms: [{ kind: "fitnets", feature: "late", layer: "pool_1" }],
        features: { late: { of: "conv_1", pool: 7 } },
      },
      /map of layer "pool_1" is \[14,14,4\] and that of feature "late" \[4,4,16\]/,
    ],
    [
      "one side is no map",
      { terms: [{ kind: "attention-transfer", feature: "head", layer: "pool_2" }], features },
      /feature "head" is \[64\], which is no map/,
    ],
    [
      "a vector is to become a map",
      { terms: [{ kind: "fitnets", feature: "late", layer: "dense_1" }], features },
      /layer "dense_1" is \[16\], which is no map: expected a layer that gives a map, or pool: mean/,
    ],
    [
      "its teacher is labels alone",
      { terms: [{ kind: "nst", feature: "late", layer: "pool_2" }] },
      /"told" is labels alone, which have no "late" inside/,
      [{ name: "told", labels: { path: "labels.npz" } }],
    ],
    [
      "a feature has the name of the answers",
      { terms: [{ kind: "rkd" }], features: { logits: "dense_1" } },
      /its teacher calls a feature "logits", which are its answers/,
    ],
    [
      "its teacher is one of folds",
      { terms: [{ kind: "nst", feature: "late", layer: "pool_2" }] },
      /cross-fitted, and the insides of its 3 models have nothing in common/,
      [cnnTeacher("deep", features, { crossFit: 3 })],
    ],
    [
      "the shape of a model from elsewhere is not said",
      { terms: [{ kind: "nst", feature: "late", layer: "pool_2" }] },
      /shape of feature "late" of teacher "net" is not said: expected \{ of: relu5, shape: \[\.\.\.\] \}/,
      [
        {
          name: "net",
          model: { format: "onnx", path: "net.onnx", output: "logits", features: { late: "relu5" } },
        },
      ],
    ],
  ];
  it.each(cases)("%s", (_, about, message, teachers) => {
    expect(() => layouts(about, teachers)).toThrow(FeatureRefused);
    expect(() => layouts(about, teachers)).toThrow(message);
  });
});

describe("a term that compares rows of tokens", () => {
  const arch = { arch: "transformer", vocabulary: 9, layers: 1, width: 4, heads: 2 };
  const textSpec = (layer: string, train: object) =>
    RunSpec.parse({
      name: "text",
      data: { format: "idx", train: { inputs: "a", labels: "b" }, test: { inputs: "c", labels: "d" } },
      teachers: [
        { name: "reader", model: arch, train: { epochs: 1 }, features: { rows: "ff_sum_1", mean: "pool" } },
      ],
      student: { model: arch, train: { epochs: 1, ...train } },
      distill: { terms: [{ kind: "fitnets", feature: layer === "pool" ? "mean" : "rows", layer }] },
    });
  const planned = (layer: string, train: object) =>
    planFeatures(textSpec(layer, train), { inputShape: [8], classes: 3 });

  it("is refused where length buckets make a batch of shorter rows, and not for their mean", () => {
    expect(planned("ff_sum_1", {}).layouts[0]).toMatchObject([{ shape: [8, 4] }]);
    expect(() => planned("ff_sum_1", { lengthBuckets: [4, 8] })).toThrow(
      /layer "ff_sum_1" gives one row a token, and student.train.lengthBuckets makes batches of fewer/,
    );
    expect(planned("pool", { lengthBuckets: [4, 8] }).layouts[0]).toMatchObject([{ shape: [4] }]);
  });
});
