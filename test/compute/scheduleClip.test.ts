import { describe, expect, it } from "vitest";
import { clipFactor, globalNorm } from "../../shared/compute/clip.ts";
import { learningRateAt } from "../../shared/compute/schedule.ts";
import { Arena } from "../../shared/compute/simd/arena.ts";
import type { ScheduleSpec } from "../../shared/config/trainSpec.ts";

describe("learningRateAt()", () => {
  const rates = (spec: ScheduleSpec, steps: number[]): number[] =>
    steps.map((step) => learningRateAt(spec, 0.4, step, 100, 10));

  it("constant stays", () => {
    expect(rates({ kind: "constant", warmupSteps: 0 }, [0, 1, 99])).toEqual([0.4, 0.4, 0.4]);
  });

  it("warm-up rises linearly, learns at the first step and ends at the full rate", () => {
    const seen = rates({ kind: "constant", warmupSteps: 4 }, [0, 1, 2, 3, 4]);
    [0.1, 0.2, 0.3, 0.4, 0.4].forEach((rate, i) => {
      expect(seen[i]).toBeCloseTo(rate, 12);
    });
  });

  it("cosine starts at the rate, is midway in the middle and goes to the floor", () => {
    // floor 0.1: half of the way is (1 + 0.1) / 2; cos(pi/3) = 1/2 makes a third of the way 0.1 + 0.9 * 3/4.
    const spec: ScheduleSpec = { kind: "cosine", warmupSteps: 0, floor: 0.1 };
    const at = (step: number, total: number): number => learningRateAt(spec, 1, step, total, 10);
    expect(at(0, 90)).toBeCloseTo(1, 12);
    expect(at(30, 90)).toBeCloseTo(0.775, 12);
    expect(at(45, 90)).toBeCloseTo(0.55, 12);
    expect(at(90, 90)).toBeCloseTo(0.1, 12);
  });

  it("cosine begins when the warm-up ends", () => {
    const spec: ScheduleSpec = { kind: "cosine", warmupSteps: 20, floor: 0 };
    const seen = rates(spec, [9, 19, 20, 60, 99]);
    expect(seen[0]).toBeCloseTo(0.2, 12);
    expect(seen[1]).toBeCloseTo(0.4, 12);
    expect(seen[2]).toBeCloseTo(0.4, 12);
    expect(seen[3]).toBeCloseTo(0.2, 12);
    expect(seen[4]).toBeGreaterThan(0);
    expect(seen[4]).toBeLessThan(0.001);
  });

  it("step drops at the start of each of its epochs", () => {
    const spec: ScheduleSpec = { kind: "step", epochs: [2, 5], factor: 0.5, warmupSteps: 0 };
    const seen = rates(spec, [0, 19, 20, 49, 50, 99]);
    [0.4, 0.4, 0.2, 0.2, 0.1, 0.1].forEach((rate, i) => {
      expect(seen[i]).toBeCloseTo(rate, 12);
    });
  });
});

describe("clipFactor()", () => {
  const arena = new Arena(Arena.bytesFor([2, 1]));
  const gradients = [arena.floats(2), arena.floats(1)];
  gradients[0]?.set([3, 0]);
  gradients[1]?.set([4]); // norm 5

  it("measures all gradients together", () => {
    expect(globalNorm(arena, gradients)).toBe(5);
  });

  it("takes what is above the bound to it", () => {
    expect(clipFactor(arena, gradients, 2.5)).toBe(0.5);
  });

  it("leaves what is within the bound, and everything without one", () => {
    expect(clipFactor(arena, gradients, 5)).toBe(1);
    expect(clipFactor(arena, gradients)).toBe(1);
  });
});
