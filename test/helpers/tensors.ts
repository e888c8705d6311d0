import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { nativeBackend } from "./nativeBackend.ts";

/** The backends that every machine has, and TensorFlow's own where it is built. */
const testedBackends = ["cpu", "wasm", ...nativeBackend] as const;

/** Runs the tests of `body` once on each of these backends. */
export function onEachBackend(claim: string, body: () => void): void {
  describe.each(testedBackends)(`${claim}, on %s`, (backend) => {
    beforeAll(async () => {
      const { name } = await chooseBackend({ prefer: backend });
      expect(name).toBe(backend);
    });
    body();
  });
}

/** Runs `fn` and fails when it leaves tensors or buffers behind. */
export function expectNoLeak<T>(fn: () => T): T {
  const before = counts();
  const result = fn();
  expect(counts()).toEqual(before);
  return result;
}

/** The numbers of a tensor; fails when computing it leaves others behind. */
export function valuesOf(compute: () => tf.Tensor): number[] {
  return expectNoLeak(() => {
    // They leave through an object: tidy() searches what is returned for tensors, element by element.
    const out: { values: number[] } = { values: [] };
    tf.tidy(() => {
      out.values = [...compute().dataSync()];
    });
    return out.values;
  });
}

export async function expectNoLeakAsync<T>(fn: () => Promise<T>): Promise<T> {
  const before = counts();
  const result = await fn();
  expect(counts()).toEqual(before);
  return result;
}

function counts(): { tensors: number; engineBuffers: number; backendBuffers: number } {
  const { numTensors, numDataBuffers } = tf.memory();
  return { tensors: numTensors, engineBuffers: numDataBuffers, backendBuffers: tf.backend().numDataIds() };
}

type Numbers = number | ArrayLike<number> | readonly (readonly number[])[];

/** Each value within `relative` times the larger of the expected one and `atLeast`. */
export function expectClose(actual: Numbers, expected: Numbers, relative: number, atLeast = 1e-2): void {
  const seen = flat(actual);
  const wanted = flat(expected);
  expect(seen.length).toBe(wanted.length);
  seen.forEach((value, i) => {
    const target = wanted[i] as number;
    const bound = relative * Math.max(Math.abs(target), atLeast);
    const gap = Math.abs(value - target);
    expect(gap, `value ${i}: ${value}, expected ${target}`).toBeLessThanOrEqual(bound);
  });
}

function flat(numbers: Numbers): number[] {
  if (typeof numbers === "number") return [numbers];
  return Array.from(numbers as ArrayLike<number | readonly number[]>).flat() as number[];
}
