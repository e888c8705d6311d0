import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { methodsMarkdown } from "../../docs/generateExactness.ts";
import { TermSpec } from "../../shared/config/distillSpec.ts";
import { caseOf, exactness, sourceOf } from "../../shared/distill/exactness.ts";
import type { TargetSource } from "../../shared/distill/exactnessGrade.ts";

const gradeOf = (source: TargetSource, term: object): string =>
  exactness("half", source, caseOf(TermSpec.parse(term))).grade;

it("docs/methods.md holds the table; `npm run docs:methods` writes it", () => {
  const written = readFileSync(new URL("../../docs/methods.md", import.meta.url), "utf8");
  expect(written).toBe(methodsMarkdown());
});

describe("what a term is given", () => {
  it("is exact for means of probabilities, and where no teacher is asked", () => {
    for (const kind of ["kl", "reverse-kl", "jsd", "dkd", "dist", "standardised-kl", "logit-mse"]) {
      expect(gradeOf("arithmetic", { kind })).toBe("exact");
    }
    expect(gradeOf("vote", { kind: "cross-entropy" })).toBe("exact");
  });

  it("lacks one number a row of the logits, which matters where they are not centred", () => {
    const mse = { kind: "logit-mse", centred: false };
    expect(gradeOf("arithmetic", mse)).toBe("refused");
    expect(gradeOf("vote", mse)).toBe("refused");
    expect(gradeOf("one teacher", mse)).toBe("approximate");
    expect(gradeOf("geometric", mse)).toBe("approximate");
  });

  it("is approximate for decisions at a temperature, and exact at 1", () => {
    expect(gradeOf("vote", { kind: "kl", temperature: 4 })).toBe("approximate");
    expect(gradeOf("vote", { kind: "kl", temperature: 1 })).toBe("exact");
    expect(gradeOf("rank", { kind: "kl", temperature: 1, cooling: { to: 2, epochs: 1 } })).toBe(
      "approximate",
    );
  });

  it("comes from one teacher where there is one, or where a term names it", () => {
    const named = TermSpec.parse({ kind: "kl", teacher: "ada" });
    const all = TermSpec.parse({ kind: "kl" });
    expect([sourceOf(named, "vote", 3), sourceOf(all, "vote", 1), sourceOf(all, "vote", 3)]).toEqual([
      "one teacher",
      "one teacher",
      "vote",
    ]);
  });
});
