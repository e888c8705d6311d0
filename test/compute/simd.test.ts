import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { globalNorm } from "../../shared/compute/clip.ts";
import { createOptimizer, optimizerSlots } from "../../shared/compute/optimizers/createOptimizer.ts";
import { Arena, ArenaExceeded, ForeignArray } from "../../shared/compute/simd/arena.ts";
import { fillMask } from "../../shared/compute/simd/fillMask.ts";
import { kernelsWasmModule } from "../../shared/compute/simd/generate.ts";
import { scaleBytes } from "../../shared/compute/simd/scaleBytes.ts";
import type { OptimizerSpec } from "../../shared/config/trainSpec.ts";
import { rng } from "../../shared/determinism/rng.ts";

it("kernelsWasm.ts is what kernels.wat says; if it is not, `npm run generate:simd` writes it again", async () => {
  const held = readFileSync(new URL("../../shared/compute/simd/kernelsWasm.ts", import.meta.url), "utf8");
  expect(held).toBe(await kernelsWasmModule());
});

describe("an arena", () => {
  it("of the size that its arrays take hands them out, zero and aligned to 16 bytes", () => {
    const lengths = [1, 4, 5, 0, 20000];
    const arena = new Arena(Arena.bytesFor(lengths));
    const arrays = lengths.map((n, i) => (i === 1 ? arena.ints(n) : arena.floats(n)));
    arrays.forEach((array, i) => {
      expect(array.length).toBe(lengths[i]);
      expect(array.byteOffset % 16).toBe(0);
      expect(array.every((value) => value === 0)).toBe(true);
      array.fill(i + 1);
    });
    // None overlaps another.
    arrays.forEach((array, i) => {
      expect(array.every((value) => value === i + 1)).toBe(true);
    });
    expect(() => arena.floats(1)).toThrow(/Cannot take 1 numbers .*: 0 are left/);
  });

  it("refuses what no memory can hold", () => {
    expect(() => new Arena(2 ** 32)).toThrow(ArenaExceeded);
  });

  it("takes no array of another memory for its own", () => {
    const arena = new Arena(64);
    expect(() => arena.pointerTo(new Float32Array(4))).toThrow(ForeignArray);
    expect(() => arena.pointerTo(new Arena(64).floats(4))).toThrow(ForeignArray);
    expect(Arena.holding(arena.floats(4))).toBe(arena);
    expect(Arena.holding(new Float32Array(4))).toBeUndefined();
  });
});

/** The mask as it is defined, word by word. */
function plainMask(length: number, rate: number, stream: { at(i: number): number }): Float32Array {
  return Float32Array.from({ length }, (_, i) => (stream.at(i) < rate * 2 ** 32 ? 0 : 1 / (1 - rate)));
}

describe("fillMask()", () => {
  const stream = rng("masks", 1);
  const smallest = Math.min(...Array.from({ length: 1000 }, (_, i) => stream.at(i)));
  const largest = Math.max(...Array.from({ length: 1000 }, (_, i) => stream.at(i)));

  it.each<[string, number]>([
    ["usual", 0.1],
    ["half", 0.5],
    ["high", 0.95],
    ["zero", 0],
    ["too low for any word but 0", 1e-12],
    ["largest below 1", 1 - 2 ** -53],
    ["equal to a word", smallest / 2 ** 32],
    ["just above a word", (smallest + 2 ** -20) / 2 ** 32],
    ["equal to the largest word", largest / 2 ** 32],
    ["just above the largest word", (largest + 2 ** -20) / 2 ** 32],
  ])("gives the bits of the definition at a rate that is %s (%d)", (_, rate) => {
    const expected = plainMask(1000, rate, stream);
    const arena = new Arena(Arena.bytesFor([1000]));
    const inPlace = arena.floats(1000);
    fillMask(inPlace, rate, stream);
    expect(inPlace).toEqual(expected);
    const elsewhere = new Float32Array(1000);
    fillMask(elsewhere, rate, stream);
    expect(elsewhere).toEqual(expected);
  });

  it("drops words of 0 at the lowest of rates", () => {
    // A stream without a word 0 at hand: the bound is checked at the kernel, whose last dropped word is then 0.
    const arena = new Arena(Arena.bytesFor([4]));
    const out = arena.floats(4);
    // triple32 maps 0 to 0, so key words of 0 make the first word 0.
    fillMask(out, 1e-12, { key: [0, 0] });
    expect([...out]).toEqual([0, 1, 1, 1]);
  });

  it("goes on over the parts of a long array outside of an arena", () => {
    const mask = new Float32Array(20001);
    fillMask(mask, 0.3, stream);
    expect(mask).toEqual(plainMask(20001, 0.3, stream));
  });

  it.each([0, 1, 2, 3, 4, 5, 7])("writes %i numbers and nothing behind them", (length) => {
    const arena = new Arena(Arena.bytesFor([12]));
    const all = arena.floats(12).fill(9);
    fillMask(all.subarray(1, 1 + length), 0.5, stream);
    expect(all).toEqual(
      Float32Array.of(9, ...plainMask(length, 0.5, stream), ...new Array(11 - length).fill(9)),
    );
  });
});

describe("the norm of gradients", () => {
  it.each([0, 1, 2, 3, 4, 5, 7, 1001])(
    "of %i numbers is that of a sum in float64, to its last digits",
    (n) => {
      const { normal } = rng("norm", n);
      const arena = new Arena(Arena.bytesFor([n + 4]));
      const all = arena.floats(n + 4).fill(Number.NaN); // what is behind must not count
      for (let i = 0; i < n; i++) all[i] = normal();
      const part = all.subarray(0, n);
      const expected = Math.sqrt(part.reduce((sum, value) => sum + value * value, 0));
      expect(Math.abs(globalNorm(arena, [part]) - expected)).toBeLessThanOrEqual(1e-14 * expected);
      expect(globalNorm(arena, [part])).toBe(globalNorm(arena, [part]));
    },
  );

  it("does not overflow where a square exceeds a 32-bit float", () => {
    const arena = new Arena(Arena.bytesFor([2]));
    const gradient = arena.floats(2);
    gradient.set([3 * 2 ** 100, 4 * 2 ** 100]);
    expect(globalNorm(arena, [gradient])).toBe(5 * 2 ** 100);
  });
});

const optimizers: OptimizerSpec[] = [
  { kind: "sgd", lr: 0.1, momentum: 0, nesterov: false, weightDecay: 0.1 },
  { kind: "sgd", lr: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0.1 },
  { kind: "sgd", lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1 },
  { kind: "adam", lr: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
];

describe.each(optimizers)("the loop of $kind (momentum $momentum, Nesterov $nesterov)", (spec) => {
  /** Trains `length` numbers within longer arrays and returns the arrays whole, and the state. */
  function trainPart(from: number, length: number, steps = 3) {
    const size = 20;
    const arena = new Arena(Arena.bytesFor(new Array(2 + optimizerSlots(spec)).fill(size)));
    const [p, g] = [arena.floats(size), arena.floats(size)];
    for (let i = 0; i < size; i++) {
      p[i] = Math.sin(i + 1);
      g[i] = Math.cos(3 * i + 1);
    }
    const before = p.slice();
    const parameters = [p.subarray(from, from + length)];
    const optimizer = createOptimizer(spec, {
      arena,
      parameters,
      gradients: [g.subarray(from, from + length)],
    });
    for (let step = 0; step < steps; step++) optimizer.step(spec.lr);
    return { before, p, state: optimizer.state() };
  }

  it.each([1, 2, 3, 4, 5, 7])(
    "changes %i numbers, each as it would in a longer array, and nothing around",
    (n) => {
      const whole = trainPart(0, 20).p;
      const { before, p } = trainPart(2, n);
      expect(p.slice(2, 2 + n)).toEqual(whole.slice(2, 2 + n));
      expect(p.slice(0, 2)).toEqual(before.slice(0, 2));
      expect(p.slice(2 + n)).toEqual(before.slice(2 + n));
    },
  );

  it("changes a model of no numbers not at all", () => {
    const { before, p } = trainPart(0, 0);
    expect(p).toEqual(before);
  });
});

it("a moment that decays ends at 0, not at the subnormal number where rounding would hold it", () => {
  const spec: OptimizerSpec = { kind: "sgd", lr: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0 };
  const arena = new Arena(Arena.bytesFor([1, 1, 1]));
  const gradient = arena.floats(1).fill(1e-30);
  const optimizer = createOptimizer(spec, { arena, parameters: [arena.floats(1)], gradients: [gradient] });
  optimizer.step(0.1);
  expect(optimizer.state()["momentum/0"]).toEqual(Float32Array.of(1e-30));
  gradient.fill(0);
  // 1e-30 * 0.9^175 is below 2^-126 = 1.2e-38.
  for (let step = 0; step < 175; step++) optimizer.step(0.1);
  expect(optimizer.state()["momentum/0"]).toEqual(Float32Array.of(0));
});

describe("scaleBytes()", () => {
  const scale = 1 / 255;

  it.each([
    [3, 784],
    [2, 5],
    [1, 1],
    [7, 3],
  ])(
    "spreads %i rows of %i bytes out in place, to the bits of a product in double precision",
    (rows, width) => {
      const bytes = Uint8Array.from({ length: rows * width + 9 }, (_, i) => (i * 37) % 256);
      const arena = new Arena(Arena.bytesFor([rows * width, 3]));
      const [out, behind] = [arena.floats(rows * width), arena.floats(3)];
      behind.fill(9);
      const starts = Array.from({ length: rows }, (_, r) => ((r * 5) % rows) * width + 4);
      expect(
        scaleBytes(
          starts.map((start) => ({ bytes, start })),
          width,
          scale,
          out,
        ),
      ).toBe(true);
      starts.forEach((start, r) => {
        for (let i = 0; i < width; i++) {
          expect(out[r * width + i]).toBe(Math.fround((bytes[start + i] as number) * scale));
        }
      });
      expect([...behind]).toEqual([9, 9, 9]);
    },
  );

  it("leaves an array of no arena to others", () => {
    const out = new Float32Array(2);
    expect(scaleBytes([{ bytes: Uint8Array.from([1, 2]), start: 0 }], 2, scale, out)).toBe(false);
    expect([...out]).toEqual([0, 0]);
  });
});
