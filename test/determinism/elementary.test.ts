import { describe, expect, it } from "vitest";
import { portableExp, portableLog } from "../../shared/determinism/elementary.ts";
import { rng } from "../../shared/determinism/rng.ts";

const ulp = 2 ** -52;

describe("the portable logarithm", () => {
  it("is within 2 units in the last place of Math.log, from 1e-30 to 1e30", () => {
    const { uniform } = rng("log");
    const errors = Array.from({ length: 100_000 }, () => {
      const x = Math.exp((uniform() - 0.5) * 138);
      return Math.abs(portableLog(x) / Math.log(x) - 1);
    });
    expect(Math.max(...errors)).toBeLessThanOrEqual(2 * ulp);
  });

  it("is 0 at 1, ln 2 at 2, and takes the smallest number", () => {
    expect(portableLog(1)).toBe(0);
    expect(portableLog(2)).toBe(Math.LN2);
    // log(2^-1074) = -1074 ln 2
    expect(portableLog(5e-324)).toBeCloseTo(-1074 * Math.LN2, 10);
  });
});

describe("the portable exponential", () => {
  it("is within 2 units in the last place of Math.exp, from -700 to 700", () => {
    const { uniform } = rng("exp");
    const errors = Array.from({ length: 100_000 }, () => {
      const x = (uniform() - 0.5) * 1400;
      return Math.abs(portableExp(x) / Math.exp(x) - 1);
    });
    expect(Math.max(...errors)).toBeLessThanOrEqual(2 * ulp);
  });

  it("is 1 at 0, and 0 and Infinity far from it", () => {
    expect(portableExp(0)).toBe(1);
    expect(portableExp(-745)).toBe(5e-324);
    expect(portableExp(-1e9)).toBe(0);
    expect(portableExp(1e9)).toBe(Number.POSITIVE_INFINITY);
  });
});
