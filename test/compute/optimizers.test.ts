import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { createOptimizer, optimizerSlots } from "../../shared/compute/optimizers/createOptimizer.ts";
import { tensorUpdate } from "../../shared/compute/optimizers/inGraph.ts";
import {
  GradientsMismatch,
  type Optimizer,
  OptimizerStateMismatch,
} from "../../shared/compute/optimizers/optimizer.ts";
import { Arena } from "../../shared/compute/simd/arena.ts";
import type { OptimizerSpec } from "../../shared/config/trainSpec.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { expectClose, expectNoLeak } from "../helpers/tensors.ts";

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
const history = Array.from({ length: 20 }, () => start.map(() => normal()));
const lengths = [4, 3];

type State = ReturnType<Optimizer["state"]>;

/** A model of arrays of these lengths, which holds `values` one after the other. */
function setUp(spec: OptimizerSpec, values: ArrayLike<number> = start, sizes = lengths) {
  const arena = new Arena(
    Arena.bytesFor(sizes.flatMap((n) => new Array<number>(2 + optimizerSlots(spec)).fill(n))),
  );
  const parameters = sizes.map((n) => arena.floats(n));
  const gradients = sizes.map((n) => arena.floats(n));
  const write = (arrays: readonly Float32Array[], numbers: ArrayLike<number>): void => {
    let from = 0;
    for (const array of arrays) {
      array.set(Array.from(numbers).slice(from, from + array.length));
      from += array.length;
    }
  };
  write(parameters, values);
  const optimizer = createOptimizer(spec, { arena, parameters, gradients });
  return {
    optimizer,
    values: () => parameters.flatMap((p) => [...p]),
    step(gradient: readonly number[], clipNorm?: number): void {
      write(gradients, gradient);
      optimizer.step(spec.lr, clipNorm);
    },
  };
}

function run(
  spec: OptimizerSpec,
  { from = 0, to = history.length, clipNorm, resume }: RunOptions = {},
): { values: number[]; state: State } {
  const { optimizer, values, step } = setUp(spec, resume?.values);
  if (resume) optimizer.restore(resume.state);
  for (const gradient of history.slice(from, to)) step(gradient, clipNorm);
  return { values: values(), state: optimizer.state() };
}

interface RunOptions {
  from?: number;
  to?: number;
  clipNorm?: number | undefined;
  resume?: { values: number[]; state: State };
}

const specs: [string, OptimizerSpec][] = [
  ["sgd", { ...sgdSpec, momentum: 0 }],
  ["sgd with weight decay", { ...sgdSpec, momentum: 0, weightDecay: 0.1 }],
  ["sgd with momentum and weight decay", { ...sgdSpec, weightDecay: 0.1 }],
  ["sgd with Nesterov momentum", { ...sgdSpec, nesterov: true }],
  ["adam", adamSpec],
  ["adamw", { ...adamSpec, kind: "adamw", weightDecay: 0.1 }],
];

describe.each(specs)("%s", (_, spec) => {
  it("follows PyTorch's formula, computed for each weight alone in float64", () => {
    const expected = start.map((value, i) =>
      scalarPath(
        spec,
        Math.fround(value),
        history.map((gradient) => Math.fround(gradient[i] as number)),
      ),
    );
    expectClose(run(spec).values, expected, 1e-5, 0.1);
  });

  it("resumed from its state gives the bits of an unbroken training", () => {
    const unbroken = run(spec);
    const half = run(spec, { to: 4 });
    const resumed = run(spec, { from: 4, resume: structuredClone(half) });
    expect(resumed).toEqual(unbroken);
  });

  it("starts again from a state of before the first step", () => {
    const fresh = run(spec, { to: 0 });
    const { optimizer, step, values } = setUp(spec, []);
    step(history[3] as number[]);
    optimizer.restore(spec.kind === "sgd" ? {} : { t: 0 });
    expect(optimizer.state()).toEqual(fresh.state);
    expect(values()).not.toEqual(fresh.values);
  });

  it("hands out and takes in copies of its state", () => {
    const { optimizer, step } = setUp(spec);
    step(history[0] as number[]);
    const state = optimizer.state();
    const kept = structuredClone(state);
    optimizer.restore(state);
    step(history[1] as number[]);
    expect(state).toEqual(kept);
  });

  it("with a bound on the norm learns from gradients scaled to it", () => {
    const scaled = history.map((gradient) => {
      const factor = Math.min(1, 2 / Math.hypot(...gradient.map(Math.fround)));
      return gradient.map((value) => Math.fround(value) * factor);
    });
    const expected = start.map((value, i) =>
      scalarPath(
        spec,
        Math.fround(value),
        scaled.map((gradient) => gradient[i] as number),
      ),
    );
    expectClose(run(spec, { clipNorm: 2 }).values, expected, 1e-5, 0.1);
  });
});

describe.each(specs)("%s as formulas over tensors", (_, spec) => {
  beforeAll(() => chooseBackend({ prefer: "cpu" }));

  it.each([undefined, 2])("equals the one in place over twenty steps (bound on the norm: %s)", (clipNorm) => {
    const { slots, scalarNames, scalars, clip, update } = tensorUpdate(spec, clipNorm);
    const numbers = expectNoLeak(() => {
      let values = start.map(Math.fround);
      let kept = slots.map(() => start.map(() => 0));
      history.forEach((gradient, i) => {
        const inputs = scalars(spec.lr, i + 1);
        expect(Object.keys(inputs)).toEqual(scalarNames);
        tf.tidy(() => {
          const tensors = Object.fromEntries(
            Object.entries(inputs).map(([name, value]) => [name, tf.scalar(value)]),
          );
          // As two parameters, so that the norm is one of several gradients.
          const parts = (all: readonly number[]): tf.Tensor[] => [
            tf.tensor1d(all.slice(0, 4)),
            tf.tensor1d(all.slice(4)),
          ];
          const gradients = clip(parts(gradient));
          const next = parts(values).map((parameter, k) =>
            update(
              parameter,
              gradients[k] as tf.Tensor,
              kept.map((slot) => parts(slot)[k] as tf.Tensor),
              tensors,
            ),
          );
          values = next.flatMap(({ parameter }) => [...parameter.dataSync()]);
          kept = slots.map((_, s) =>
            next.flatMap((result) => [...(result.slots[s] as tf.Tensor).dataSync()]),
          );
        });
      });
      return { values, kept };
    });
    const inPlace = run(spec, { clipNorm });
    expectClose(numbers.values, inPlace.values, 1e-6, 1);
    slots.forEach((name, s) => {
      const own = lengths.flatMap((_, i) => [...(inPlace.state[`${name}/${i}`] as Float32Array)]);
      expectClose(numbers.kept[s] as number[], own, 1e-6, 1);
    });
  });
});

describe("against TensorFlow.js's own optimisers", () => {
  beforeAll(() => chooseBackend({ prefer: "cpu" }));

  it.each<[string, OptimizerSpec, () => tf.Optimizer]>([
    ["adam", adamSpec, () => tf.train.adam(0.01, 0.9, 0.999, 1e-8)],
    ["momentum", sgdSpec, () => tf.train.momentum(0.1, 0.9)],
    ["Nesterov", { ...sgdSpec, nesterov: true }, () => tf.train.momentum(0.1, 0.9, true)],
  ])("%s gives the same weights after twenty steps", (_, spec, make) => {
    const variable = tf.variable(tf.tensor1d(start));
    const optimizer = make();
    for (const gradient of history) {
      const tensor = tf.tensor1d(gradient);
      optimizer.applyGradients({ [variable.name]: tensor });
      tensor.dispose();
    }
    expectClose(run(spec).values, variable.dataSync(), 1e-5, 0.1);
    optimizer.dispose();
    variable.dispose();
  });
});

describe("a state that does not fit", () => {
  it("is refused when it is of another optimiser", () => {
    expect(() => setUp(adamSpec).optimizer.restore(run(sgdSpec).state)).toThrow(OptimizerStateMismatch);
    expect(() => setUp(sgdSpec).optimizer.restore(run(adamSpec).state)).toThrow(/another optimiser/);
  });

  it("is refused when it is of another model, and changes nothing", () => {
    const { state } = run(adamSpec);
    const other = setUp(adamSpec, start, [4, 2]);
    expect(() => other.optimizer.restore(state)).toThrow(/m\/1: 2.*from \[.*m\/1: 3.*another model/);
    expect(other.optimizer.state()).toEqual(setUp(adamSpec, start, [4, 2]).optimizer.state());
    const fewer = setUp(adamSpec, start, [4]);
    expect(() => fewer.optimizer.restore(state)).toThrow(OptimizerStateMismatch);
  });
});

describe("an optimiser", () => {
  it("refuses gradients of other sizes than the parameters", () => {
    const arena = new Arena(1024);
    const trained = { arena, parameters: [arena.floats(3)], gradients: [arena.floats(2)] };
    expect(() => createOptimizer(sgdSpec, trained)).toThrow(GradientsMismatch);
  });
});
