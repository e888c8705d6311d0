import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { MaxNorm, unitMatrix } from "../../shared/compute/maxNorm.ts";
import { Arena } from "../../shared/compute/simd/arena.ts";
import { OptimizerSpec } from "../../shared/config/trainSpec.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { type NamedWeight, weightsHash } from "../../shared/model/weights.ts";
import { nativeBackend } from "../helpers/nativeBackend.ts";
import { expectClose } from "../helpers/tensors.ts";
import { type SmallName, settings, smallNames, smallTraining } from "../helpers/trainers.ts";

describe("the incoming weights of a unit are", () => {
  it.each([
    ["a column of a dense kernel", "dense_1/kernel", [784, 1200], { rows: 784, columns: 1200 }],
    ["a filter of a convolution", "conv_1/kernel", [3, 3, 8, 16], { rows: 72, columns: 16 }],
    [
      "a filter of one channel, depthwise",
      "depthwise_1/depthwise_kernel",
      [3, 3, 8, 1],
      { rows: 9, columns: 8 },
    ],
    ["a column of a projection", "ff_in_0/projection", [8, 32], { rows: 8, columns: 32 }],
    ["none of a bias", "dense_1/bias", [1200], undefined],
    ["none of a table that is looked up", "embedding/embedding", [11, 8], undefined],
  ] as const)("%s", (_, name, shape, expected) => {
    expect(unitMatrix(name, shape)).toEqual(expected);
  });
});

/** A matrix between two guards, bounded in place. */
function bounded(bound: number, rows: number, columns: number, values: ArrayLike<number>) {
  const matrix = { rows, columns };
  const guards = 3;
  const arena = new Arena(
    Arena.bytesFor([guards, rows * columns + guards, MaxNorm.scratch([matrix, undefined])]),
  );
  const before = arena.floats(guards).fill(7);
  const all = arena.floats(rows * columns + guards).fill(7);
  const weight = all.subarray(0, rows * columns);
  weight.set(values);
  const maxNorm = new MaxNorm(bound, arena, [before, weight], [undefined, matrix]);
  maxNorm.apply();
  return { weight, maxNorm, guards: [...before, ...all.subarray(rows * columns)] };
}

describe("max-norm", () => {
  it("shortens the columns that are too long to the bound, and leaves the others their bits", () => {
    // Columns (3, 4), (0.6, 0.8), (0, 2), (-6, 8), (0, 0) have the norms 5, 1, 2, 10, 0; those above 2.5 are
    // multiplied by 2.5 / 5 and 2.5 / 10.
    const { weight } = bounded(2.5, 2, 5, [3, 0.6, 0, -6, 0, 4, 0.8, 2, 8, 0]);
    expect([...weight]).toEqual([1.5, 0.6, 0, -1.5, 0, 2, 0.8, 2, 2, 0].map(Math.fround));
  });

  it.each([1, 2, 3, 4, 5, 7, 10, 33])(
    "keeps %i columns of 50 rows within the bound, and nothing else",
    (n) => {
      const { normal } = rng("max-norm", n);
      const values = Float32Array.from({ length: 50 * n }, () => normal());
      const norm = (of: Float32Array, column: number): number =>
        Math.hypot(...Array.from({ length: 50 }, (_, row) => of[row * n + column] as number));
      // Norms lie around 7, the root of 50, so the bound cuts about half of them.
      const { weight, guards } = bounded(7, 50, n, values);
      const factors = Array.from({ length: n }, (_, column) => Math.min(1, 7 / norm(values, column)));
      expectClose(
        weight,
        [...values].map((value, i) => value * (factors[i % n] as number)),
        1e-6,
        1,
      );
      expect(guards).toEqual(new Array(6).fill(7));
    },
  );
});

const sgd = OptimizerSpec.parse({ kind: "sgd", lr: 0.5, momentum: 0.9 });
/** Of the units of a weight, or nothing for one without units. */
function norms({ name, shape, data }: NamedWeight): number[] {
  const matrix = unitMatrix(name, shape);
  if (!matrix) return [];
  const { rows, columns } = matrix;
  return Array.from({ length: columns }, (_, column) =>
    Math.hypot(...Array.from({ length: rows }, (_, row) => data[row * columns + column] as number)),
  );
}

describe.each(["wasm", "compiled", ...nativeBackend] as const)(
  "a training with max-norm, on %s",
  (backend) => {
    beforeAll(async () => {
      expect((await chooseBackend({ prefer: backend })).name).toBe(backend);
    });
    const trained = async (name: SmallName, steps: number, maxNorm?: number) => {
      const { trainer, run, close } = await smallTraining(name, settings(backend), {
        optimizer: sgd,
        maxNorm,
      });
      for (let step = 0; step < steps; step++) await run(step);
      const weights = trainer.weights();
      await close();
      return weights;
    };

    it.each(smallNames)("ends each step with every unit within the bound (%s)", async (name) => {
      const free = (await trained(name, 5)).flatMap(norms);
      const bound = [...free].sort((a, b) => a - b)[Math.floor(free.length / 2)] as number;
      const all = (await trained(name, 5, bound)).flatMap(norms);
      expect(Math.max(...free)).toBeGreaterThan(bound * 1.05);
      expect(Math.max(...all)).toBeLessThanOrEqual(bound * (1 + 1e-5));
    });

    it("is plain training where no unit reaches the bound", async () => {
      expect(weightsHash(await trained("mlp", 3, 1e6))).toBe(weightsHash(await trained("mlp", 3)));
    });

    it("equals the step without a bound whose columns are shortened afterwards", async () => {
      const free = await trained("mlp", 1);
      const kept = await trained("mlp", 1, 0.9);
      free.forEach((weight, k) => {
        const columns = unitMatrix(weight.name, weight.shape)?.columns ?? 0;
        const lengths = norms(weight);
        const expected = [...weight.data].map((value, i) =>
          columns === 0 ? value : value * Math.min(1, 0.9 / (lengths[i % columns] as number)),
        );
        expectClose(kept[k]?.data as Float32Array, expected, 1e-6, 1);
      });
    });
  },
);

describe("max-norm, compiled and kernel by kernel", () => {
  it.each(["mlp", "cnn"] as const)("gives the same weights after five steps (%s)", async (name) => {
    const of = async (backend: "wasm" | "compiled") => {
      await chooseBackend({ prefer: backend });
      const { trainer, run, close } = await smallTraining(name, settings(backend), {
        optimizer: sgd,
        maxNorm: 1,
      });
      for (let step = 0; step < 5; step++) await run(step);
      const weights = trainer.weights();
      await close();
      return weights;
    };
    const compiled = await of("compiled");
    (await of("wasm")).forEach(({ data }, k) => {
      expectClose(compiled[k]?.data as Float32Array, data, 1e-4, 0.1);
    });
  });
});
