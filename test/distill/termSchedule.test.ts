import { describe, expect, it } from "vitest";
import { TermSpec } from "../../shared/config/distillSpec.ts";
import { temperatureAt, weightAt, weightChanges } from "../../shared/distill/termSchedule.ts";

const term = (about: object): TermSpec => TermSpec.parse({ kind: "kl", weight: 8, temperature: 6, ...about });

describe("the weight of a term", () => {
  it("stays where nothing else is said", () => {
    expect(weightChanges(term({}))).toBe(false);
    expect([0, 5, 500].map((step) => weightAt(term({}), step, 10))).toEqual([8, 8, 8]);
  });

  it("rises linearly over the warm-up, whose last step has it whole", () => {
    // 2 epochs of 10 steps: step 0 has a twentieth of it, step 9 the half, step 19 all.
    const warm = term({ warmupEpochs: 2 });
    expect(weightChanges(warm)).toBe(true);
    expect([0, 9, 19, 20, 300].map((step) => weightAt(warm, step, 10))).toEqual([0.4, 4, 8, 8, 8]);
  });

  it("falls linearly to its share after the warm-up, and stays there", () => {
    // Of 8 a quarter is left: 6 fall over 3 epochs, after one of warm-up.
    const falling = term({ warmupEpochs: 1, decay: { to: 0.25, epochs: 3 } });
    expect([9, 19, 29, 39, 400].map((step) => weightAt(falling, step, 10))).toEqual([8, 6, 4, 2, 2]);
  });
});

describe("the temperature of a term", () => {
  it("goes linearly to its end, and stays there", () => {
    const cooling = term({ cooling: { to: 2, epochs: 4 } });
    expect([0, 10, 20, 40, 400].map((step) => temperatureAt(cooling, step, 10))).toEqual([6, 5, 4, 2, 2]);
  });

  it("is none for a term without", () => {
    expect(temperatureAt(TermSpec.parse({ kind: "cross-entropy" }), 3, 10)).toBeUndefined();
  });
});
