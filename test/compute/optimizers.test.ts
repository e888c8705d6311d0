import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { createOptimizer } from "../../shared/compute/optimizers/createOptimizer.ts";
import { OptimizerStateMismatch } from "../../shared/compute/optimizers/optimizer.ts";
import type { OptimizerSpec } from "../../shared/config/spec.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { expectClose } from "../helpers/tensors.ts";

const adamSpec = { kind: "adam", lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
const sgdSpec = { kind: "sgd", lr: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0 } as const;

/** One weight's path under the formulas of PyTorch's documentation, written out in float64. */
function scalarPath(spec: OptimizerSpec, start: number, gradients: number[]): number {
  let p = start;
  let m = 0;
  let v = 0;
  let buffer: number | null = null;
  gradients.forEach((gradient, i) => {
    const t = i + 1;
    if (spec.kind === "sgd") {
      const g = gradient + spec.weightDecay * p;
      if (spec.momentum === 0) {
        p -= spec.lr * g;
        return;
      }
      buffer = buffer === null ? g : spec.momentum * buffer + g;
      p -= spec.lr * (spec.nesterov ? g + spec.momentum * buffer : buffer);
      return;
    }
    if (spec.kind === "adamw") p -= spec.lr * spec.weightDecay * p;
    m = spec.beta1 * m + (1 - spec.beta1) * gradient;
    v = spec.beta2 * v + (1 - spec.beta2) * gradient ** 2;
    const mHat = m / (1 - spec.beta1 ** t);
    const vHat = v / (1 - spec.beta2 ** t);
    p -= (spec.lr * mHat) / (Math.sqrt(vHat) + spec.epsilon);
  });
  return p;
}

const { normal } = rng("optimizers");
const start = Array.from({ length: 7 }, normal);
const history = Array.from({ length: 10 }, () => start.map(() => normal()));

function run(spec: OptimizerSpec, from = 0, to = history.length, resume?: ReturnType<typeof stateOf>) {
  const optimizer = createOptimizer(spec);
  const parameters = resume?.parameters ?? [
    Float32Array.from(start.slice(0, 4)),
    Float32Array.from(start.slice(4)),
  ];
  if (resume) optimizer.restore(resume.state);
  for (const gradient of history.slice(from, to)) {
    optimizer.step(
      parameters,
      [Float32Array.from(gradient.slice(0, 4)), Float32Array.from(gradient.slice(4))],
      spec.lr,
    );
  }
  return stateOf(parameters, optimizer.state());
}

function stateOf(parameters: Float32Array[], state: Record<string, Float32Array | number>) {
  return { parameters, state };
}

describe.each<[string, OptimizerSpec]>([
  ["sgd", { ...sgdSpec, momentum: 0 }],
  ["sgd with weight decay", { ...sgdSpec, momentum: 0, weightDecay: 0.1 }],
  ["sgd with momentum and weight decay", { ...sgdSpec, weightDecay: 0.1 }],
  ["sgd with Nesterov momentum", { ...sgdSpec, nesterov: true }],
  ["adam", adamSpec],
  ["adamw", { ...adamSpec, kind: "adamw", weightDecay: 0.1 }],
])("%s", (_, spec) => {
  it("follows PyTorch's formula, computed for each weight alone in float64", () => {
    const expected = start.map((value, i) =>
      scalarPath(
        spec,
        Math.fround(value),
        history.map((gradient) => Math.fround(gradient[i] as number)),
      ),
    );
    const { parameters } = run(spec);
    expectClose(
      parameters.flatMap((p) => [...p]),
      expected,
      1e-5,
      0.1,
    );
  });

  it("resumed from its state gives the bits of an unbroken training", () => {
    const unbroken = run(spec);
    const half = run(spec, 0, 4);
    const resumed = run(spec, 4, history.length, structuredClone(half));
    expect(resumed).toEqual(unbroken);
  });

  it("hands out and takes in copies of its state", () => {
    const optimizer = createOptimizer(spec);
    const parameters = [Float32Array.from(start)];
    const gradient = [Float32Array.from(history[0] as number[])];
    optimizer.step(parameters, gradient, 0.1);
    const state = optimizer.state();
    const kept = structuredClone(state);
    optimizer.restore(state);
    optimizer.step(parameters, gradient, 0.1);
    expect(state).toEqual(kept);
  });
});

describe("against TensorFlow.js's own optimisers", () => {
  beforeAll(() => chooseBackend({ prefer: "cpu" }));

  it.each<[string, OptimizerSpec, () => tf.Optimizer]>([
    ["adam", adamSpec, () => tf.train.adam(0.01, 0.9, 0.999, 1e-8)],
    ["momentum", sgdSpec, () => tf.train.momentum(0.1, 0.9)],
    ["Nesterov", { ...sgdSpec, nesterov: true }, () => tf.train.momentum(0.1, 0.9, true)],
  ])("%s gives the same weights after ten steps", (_, spec, make) => {
    const variable = tf.variable(tf.tensor1d(start));
    const optimizer = make();
    for (const gradient of history) {
      const tensor = tf.tensor1d(gradient);
      optimizer.applyGradients({ [variable.name]: tensor });
      tensor.dispose();
    }
    const { parameters } = run(spec);
    expectClose(
      parameters.flatMap((p) => [...p]),
      variable.dataSync(),
      1e-5,
      0.1,
    );
    optimizer.dispose();
    variable.dispose();
  });
});

describe("a state that does not fit", () => {
  it("is refused when it is of another optimiser", () => {
    expect(() => createOptimizer(adamSpec).restore(run(sgdSpec).state)).toThrow(OptimizerStateMismatch);
    expect(() => createOptimizer(sgdSpec).restore(run(adamSpec).state)).toThrow(/another optimiser/);
  });

  it("is refused at the step when it is of another model", () => {
    const optimizer = createOptimizer(adamSpec);
    optimizer.restore(run(adamSpec).state);
    const wrong = [new Float32Array(4), new Float32Array(2)];
    expect(() => optimizer.step(wrong, wrong, 0.1)).toThrow(/sizes \[4,2\].*sizes \[4,3\]/);
  });
});
