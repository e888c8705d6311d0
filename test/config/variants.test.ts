import { describe, expect, it } from "vitest";
import { SpecError } from "../../shared/config/specError.ts";
import { CompareRefused, variantsOf } from "../../shared/config/variants.ts";

const base = `name: r
data: { dataset: mnist }
teachers:
  - { name: ada, model: { arch: mlp, hidden: [4] }, train: { epochs: 1 } }
  - { name: bea, model: { arch: mlp, hidden: [5] }, train: { epochs: 1 } }
student:
  model: { arch: mlp, hidden: [2] }
  train: { epochs: 2 }
distill: { loss: { kind: kd, temperature: 4 } }
`;
const vary = (lines: string): string => `${base}compare:\n  vary:\n${lines.replace(/^/gm, "    ")}\n`;

describe("the variants of a spec", () => {
  it("are the spec as written and every combination of the values, the last path varying fastest", () => {
    const variants = variantsOf(
      vary("ensemble.rule: [arithmetic, vote]\ndistill.loss.temperature: [1, 2]"),
      "s.yaml",
    );
    expect(variants.map(({ name }) => name)).toEqual([
      "as written",
      "rule arithmetic, temperature 1",
      "rule arithmetic, temperature 2",
      "rule vote, temperature 1",
      "rule vote, temperature 2",
    ]);
    expect(variants.map(({ spec }) => [spec.ensemble.rule, spec.distill.loss])).toMatchObject([
      ["arithmetic", { temperature: 4 }],
      ["arithmetic", { temperature: 1 }],
      ["arithmetic", { temperature: 2 }],
      ["vote", { temperature: 1 }],
      ["vote", { temperature: 2 }],
    ]);
  });

  it("leave out what is the spec as written, and what comes twice", () => {
    const variants = variantsOf(vary("distill.loss.temperature: [4, 2, 2]"), "s.yaml");
    expect(variants.map(({ name }) => name)).toEqual(["as written", "temperature 2"]);
  });

  it("take whole values at a path, and teachers by their names", () => {
    const variants = variantsOf(
      vary("distill.loss: [{ kind: dkd, beta: 2 }]\nteachers: [[bea], [bea, ada]]"),
      "s.yaml",
    );
    expect(variants.map(({ name }) => name)).toEqual([
      "as written",
      "loss dkd beta 2, teachers bea",
      "loss dkd beta 2, teachers bea+ada",
    ]);
    expect(variants.map(({ spec }) => spec.teachers.map(({ name }) => name))).toEqual([
      ["ada", "bea"],
      ["bea"],
      ["bea", "ada"],
    ]);
  });

  it("train the student alone once, unless they change it", () => {
    const alone = (lines: string): boolean[] =>
      variantsOf(vary(lines), "s.yaml").map(({ spec }) => spec.baseline);
    expect(alone("distill.loss.temperature: [1, 2]")).toEqual([true, false, false]);
    expect(alone("student.train.epochs: [1, 3]")).toEqual([true, true, true]);
  });

  it("are refused by name where a value is wrong", () => {
    const text = vary("ensemble.rule: [arithmetic, mean]");
    expect(() => variantsOf(text, "s.yaml")).toThrow(SpecError);
    expect(() => variantsOf(text, "s.yaml")).toThrow(/"s.yaml, rule mean".*\n.*ensemble.rule/);
  });

  it.each([
    [base, /key `compare` is missing/],
    [`${base}compare: { vary: {} }\n`, /compare.vary: expected one path/],
    [`${base}compare: { grid: {} }\n`, /is wrong/],
    [vary("teachers: [[cid]]"), /vary teachers by \["cid"\]: .* which are \[ada, bea\]/],
    [vary(`seed: [${Array.from({ length: 101 }, (_, i) => i)}]`), /makes 101 combinations: expected 100/],
  ])("are refused where there is nothing, or too much, to compare", (text, message) => {
    expect(() => variantsOf(text, "s.yaml")).toThrow(CompareRefused);
    expect(() => variantsOf(text, "s.yaml")).toThrow(message);
  });
});
