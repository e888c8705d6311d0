import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import type { ElementType, OnnxGraph } from "../../shared/compute/compiled/graph.ts";
import { lower } from "../../shared/compute/compiled/lower.ts";
import { type Recording, record } from "../../shared/compute/compiled/record.ts";
import { createSession, loadOnnxRuntime } from "../../shared/compute/compiled/session.ts";

export interface Numbers {
  shape: number[];
  dtype: string;
  values: number[];
}
export type Named = Record<string, tf.Tensor>;

/** Records `compute` on inputs of the given types. */
export function recordOn(inputs: Named, compute: (inputs: Named) => Named): Promise<Recording> {
  return record((recorder) =>
    compute(
      Object.fromEntries(
        Object.entries(inputs).map(([name, { shape, dtype }]) => [
          name,
          recorder.input(name, { shape, dtype: dtype as ElementType }),
        ]),
      ),
    ),
  );
}

/** Records `compute` on inputs of the given types and lowers it. */
export async function compile(inputs: Named, compute: (inputs: Named) => Named): Promise<OnnxGraph> {
  return lower(await recordOn(inputs, compute));
}

/** What a graph makes of the inputs, in ONNX Runtime. */
export async function runGraph(graph: OnnxGraph, inputs: Named): Promise<Record<string, Numbers>> {
  const { Tensor } = await loadOnnxRuntime();
  const session = await createSession(graph, { threads: 1, spinning: false });
  try {
    const feeds = Object.fromEntries(
      session.inputNames.map((name) => {
        const { shape, dtype } = inputs[name] as tf.Tensor;
        const values = (inputs[name] as tf.Tensor).dataSync();
        return [name, new Tensor(dtype as "float32", values as Float32Array, shape)];
      }),
    );
    const outputs = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { dims, type, data }]) => [
        name,
        { shape: [...dims], dtype: type, values: Array.from(data as Float32Array, Number) },
      ]),
    );
  } finally {
    await session.release();
  }
}

/** The values of tensors. */
export function numbersOf(tensors: Named): Record<string, Numbers> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      const { shape, dtype } = tensor;
      return [name, { shape, dtype, values: Array.from(tensor.dataSync(), Number) }];
    }),
  );
}

/** Compiles `compute`, and expects of it what TensorFlow.js's `cpu` backend gives, which must be the current one. */
export async function expectParity(
  inputs: Named,
  compute: (inputs: Named) => Named,
  tolerance = 1e-5,
): Promise<void> {
  let expected: Record<string, Numbers> = {};
  tf.tidy(() => {
    expected = numbersOf(compute(inputs));
  });
  expectNumbers(await runGraph(await compile(inputs, compute), inputs), expected, tolerance);
}

/** Expects the same shapes and types, and values that differ by no more than the rounding of float32. */
export function expectNumbers(
  seen: Record<string, Numbers>,
  expected: Record<string, Numbers>,
  tolerance = 1e-5,
): void {
  for (const [name, { shape, dtype, values }] of Object.entries(expected)) {
    const got = seen[name] as Numbers;
    expect({ name, shape: got.shape, dtype: got.dtype }).toEqual({ name, shape, dtype });
    values.forEach((value, i) => {
      const other = got.values[i] as number;
      if (Number.isNaN(value) ? Number.isNaN(other) : value === other) return;
      const bound = tolerance * Math.max(1, Math.abs(value));
      if (!(Math.abs(value - other) <= bound)) {
        expect.fail(`${name}[${i}] is ${other}, where the cpu backend gives ${value} (shape [${shape}])`);
      }
    });
  }
}
