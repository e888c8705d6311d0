import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../shared/compute/checkpoint.ts";
import { labelObjective } from "../../shared/compute/labelObjective.ts";
import { type TrainingState, trainLoop } from "../../shared/compute/trainLoop.ts";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { DistillSpec } from "../../shared/config/distillSpec.ts";
import { StudentSpec } from "../../shared/config/spec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { exitsOf, isConvolutional } from "../../shared/distill/exits.ts";
import { buildModel } from "../../shared/model/build.ts";
import { tapped } from "../../shared/model/tapped.ts";
import { type NamedWeight, readWeights, weightsHash } from "../../shared/model/weights.ts";
import type { PeerHooks } from "../../student-node/compute.ts";
import { packWeights } from "../../student-node/self/packedWeights.ts";
import { selfObjective } from "../../student-node/self/selfObjective.ts";
import { expectNoLeakAsync } from "../helpers/tensors.ts";
import { CLASSES, type SmallName, settings, small, smallDataset } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

/** 80 samples to learn from, the last 16 to look at. */
function splitDataset(name: SmallName): Dataset {
  const dataset = smallDataset(name);
  const { train } = dataset.splits;
  return {
    ...dataset,
    splits: { train: train.slice(0, 80), validation: train.slice(80), test: new Uint32Array() },
  };
}

interface Options {
  backend?: "cpu" | "compiled";
  update?: "in-place" | "in-graph";
  epochs?: number;
  resume?: Uint8Array;
  checkpointSteps?: number;
}

/** Trains with batches of 16, so in 5 steps an epoch, and takes a checkpoint every 4 unless told otherwise. */
async function train(name: SmallName, terms: object[], options: Options = {}) {
  const { backend = "cpu", update = "in-place", epochs = 3, resume, checkpointSteps = 4 } = options;
  const dataset = splitDataset(name);
  const student = StudentSpec.parse({
    model: small[name].arch,
    train: { epochs, batch: 16, optimizer: { kind: "sgd", lr: 0.05, momentum: 0.5 } },
  });
  const model = buildModel(student.model, dataset.inputShape, CLASSES, ["small"]);
  const published: number[] = [];
  const heard: [number, number, number][] = [];
  const hooks: PeerHooks = {
    async publishWeights(step) {
      published.push(step);
    },
    async peerWeights(seed, of, step) {
      heard.push([seed, of, step]);
      const peer = buildModel(student.model, dataset.inputShape, CLASSES, ["peer", seed, of]);
      const weights = packWeights(readWeights(peer));
      peer.dispose();
      return weights;
    },
  };
  const { objective, peerUse } = selfObjective(
    {
      distill: DistillSpec.parse({ terms }),
      student,
      job: { kind: "student", seed: 1 },
      seeds: [1, 2, 3],
    },
    dataset,
    5,
    ["small"],
    () => labelObjective(dataset),
    hooks,
  );
  const opened = tapped(model, objective.taps ?? [], objective.learnt ?? []);
  const states = new Map<number, Uint8Array>();
  const result = await trainLoop({
    model: opened.model,
    dataset,
    train: student.train,
    maskSeed: ["small"],
    batchesOf: (epoch) =>
      Array.from({ length: 5 }, (_, s) => ({
        ids: dataset.splits.train.filter((_, i) => (i + epoch) % 5 === s),
      })),
    objective,
    compute: settings(backend, { update }),
    resume: resume && decodeCheckpoint(resume),
    isCheckpointDue: (step) => step % checkpointSteps === 0,
    onCheckpoint: async (state: TrainingState) => void states.set(state.step, encodeCheckpoint(state)),
    onProgress: () => undefined,
    now: () => performance.now(),
  });
  opened.dispose();
  const weights = readWeights(model);
  model.dispose();
  return { weights, curve: result.curve, states, published, heard, use: peerUse?.() };
}

const labels = { kind: "cross-entropy" };
const cases: [string, SmallName, object[]][] = [
  ["ps-kd", "mlp", [{ kind: "ps-kd" }]],
  [
    "mean-teacher by probabilities",
    "separable",
    [labels, { kind: "mean-teacher", weight: 3, warmupEpochs: 2 }],
  ],
  [
    "mean-teacher by KL, keeping the student",
    "mlp",
    [labels, { kind: "mean-teacher", distance: "kl", temperature: 2, final: "student" }],
  ],
  ["early exits of a cnn", "cnn", [labels, { kind: "early-exits", hint: 0.5 }]],
  ["early exits of a separable net", "separable", [labels, { kind: "early-exits" }]],
  ["peers", "mlp", [labels, { kind: "peers", exchangeSteps: 3, temperature: 2 }]],
  [
    "all of them",
    "cnn",
    [
      { kind: "ps-kd", weight: 0.5 },
      { kind: "mean-teacher" },
      { kind: "early-exits", decay: { to: 0.1, epochs: 2 } },
      { kind: "peers", exchangeSteps: 2 },
    ],
  ],
];

function expectAlike(actual: readonly NamedWeight[], expected: readonly NamedWeight[]): void {
  expect(actual.map(({ name }) => name)).toEqual(expected.map(({ name }) => name));
  for (const [w, { name, data }] of expected.entries()) {
    for (const [i, value] of data.entries()) {
      expect(Math.abs((actual[w]?.data[i] as number) - value), `${name}[${i}]`).toBeLessThan(2e-4);
    }
  }
}

describe.each(cases)("a student that learns by %s", (_, name, terms) => {
  it("has the same weights compiled as with TensorFlow.js, in place and in the graph", async () => {
    const eager = await train(name, terms);
    for (const update of ["in-place", "in-graph"] as const) {
      expectAlike((await train(name, terms, { backend: "compiled", update })).weights, eager.weights);
    }
    const plain = await train(name, [labels]);
    expect(weightsHash(eager.weights)).not.toBe(weightsHash(plain.weights));
    // What is learnt beside it is gone.
    expect(eager.weights.map((w) => w.name)).toEqual(plain.weights.map((w) => w.name));
  });

  it("goes on from any checkpoint to the same bits", async () => {
    const whole = await train(name, terms, { backend: "compiled" });
    expect([...whole.states.keys()]).toEqual([4, 8, 12]);
    for (const resume of whole.states.values()) {
      const again = await train(name, terms, { backend: "compiled", resume });
      expect(weightsHash(again.weights)).toBe(weightsHash(whole.weights));
      expect(again.curve).toEqual(whole.curve);
      expect(again.use).toEqual(whole.use);
    }
  });

  it("leaves no tensor behind", async () => {
    await expectNoLeakAsync(async () => void (await train(name, terms, { epochs: 1 })));
    await expectNoLeakAsync(async () => void (await train(name, terms, { epochs: 1, backend: "compiled" })));
  });
});

describe("the average that a mean teacher keeps", () => {
  it("is the mean of the weights after each step, while min(1 - 1/(t + 1), 0.99) is the former", async () => {
    const terms = (final: string) => [labels, { kind: "mean-teacher", final }];
    const { weights: kept } = await train("mlp", terms("average"));
    const { states } = await train("mlp", terms("student"), { checkpointSteps: 1 });
    const steps = [...states.values()].map((state) => decodeCheckpoint(state).snapshot.weights);
    expect(steps).toHaveLength(15);
    for (const [w, { name, data }] of kept.entries()) {
      for (const [i, value] of data.entries()) {
        const mean = steps.reduce((sum, one) => sum + (one[w]?.data[i] as number), 0) / 15;
        expect(Math.abs(value - mean), `${name}[${i}]`).toBeLessThan(1e-6);
      }
    }
  });
});

describe("early exits", () => {
  it("do not drag the deepest: what comes after the last of them stays as it was", async () => {
    const { weights } = await train("cnn", [{ kind: "early-exits" }]);
    const model = buildModel(small.cnn.arch, small.cnn.inputShape, CLASSES, ["small"]);
    const before = readWeights(model);
    model.dispose();
    const moved = weights.filter(({ data }, w) => data.some((x, i) => x !== before[w]?.data[i]));
    expect([...new Set(moved.map(({ name }) => name.split("/")[0]))]).toEqual(["conv_1", "conv_2"]);
  });

  it("are after each convolution of a cnn, and before each stride of 2 of a separable net or in its middle", () => {
    const blocks = (...strides: (1 | 2)[]) =>
      ArchSpec.parse({ arch: "separable", blocks: strides.map((stride) => ({ channels: 4, stride })) });
    const layers = (arch: ArchSpec, chosen?: number[]) => {
      if (!isConvolutional(arch)) throw new Error("no convolutions");
      return exitsOf(arch, [16, 16, 1], chosen).inner.map(({ layer }) => layer);
    };
    expect(layers(small.cnn.arch)).toEqual(["pool_1", "pool_2"]);
    expect(layers(blocks(1, 2, 1, 2))).toEqual(["pointwise_1_relu", "pointwise_3_relu"]);
    expect(layers(blocks(2, 1, 1, 1))).toEqual(["pointwise_2_relu"]);
    expect(layers(blocks(1, 1, 1), [1, 2])).toEqual(["pointwise_1_relu", "pointwise_2_relu"]);
  });
});

describe("peers", () => {
  const terms = [labels, { kind: "peers", exchangeSteps: 3 }];
  it("are heard with weights of exactly one exchange before the last", async () => {
    const { heard, published, use } = await train("mlp", terms);
    // 15 steps with E = 3: at steps 6, 9 and 12 come those of 3, 6 and 9, of both.
    expect(heard).toEqual([
      [2, 3, 6],
      [3, 3, 6],
      [2, 6, 9],
      [3, 6, 9],
      [2, 9, 12],
      [3, 9, 12],
    ]);
    // Those of 12 would be used from step 15 on, which does not come.
    expect(published).toEqual([3, 6, 9]);
    // Each is in use for 3 steps, 3, 4 and 5 steps old.
    expect(use).toEqual({ steps: 9, meanAge: 4, maxAge: 5 });
  });
});

describe("a spec without such terms", () => {
  it("has the objective that it had", () => {
    const dataset = splitDataset("mlp");
    const plain = labelObjective(dataset);
    const student = StudentSpec.parse({ model: small.mlp.arch, train: { epochs: 1 } });
    const job = { kind: "student", seed: 1 } as const;
    const distill = DistillSpec.parse({ terms: [labels] });
    const hooks = {} as PeerHooks;
    const { objective } = selfObjective(
      { distill, student, job, seeds: [1] },
      dataset,
      5,
      ["s"],
      () => plain,
      hooks,
    );
    expect(objective).toBe(plain);
  });
});
