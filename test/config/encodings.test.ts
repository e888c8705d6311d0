import { describe, expect, it } from "vitest";
import { encodingOf } from "../../shared/config/encodingOf.ts";
import { parseSpec } from "../../shared/config/load.ts";
import { SpecError } from "../../shared/config/specError.ts";
import { encodingText } from "../../shared/labels/encodingText.ts";

interface Parts {
  encoding?: string;
  distill?: string;
  ensemble?: string;
  /** Keys of the two teachers, ada and bea. */
  ada?: string;
  bea?: string;
  data?: string;
  terms?: string;
}

const specOf = ({ encoding = "half", distill = "loss: { kind: kd }", ensemble = "{}", ...parts }: Parts) =>
  [
    "name: x",
    `data: ${parts.data ?? "{ format: synthetic, classes: 4, features: 5, train: 200, test: 50 }"}`,
    "teachers:",
    `  - { name: ada, model: { format: tfjs-layers, path: a.json, output: ${parts.data ? "values" : "logits"} } ${parts.ada ?? ""} }`,
    ...(parts.bea === "none"
      ? []
      : [
          `  - { name: bea, model: { format: tfjs-layers, path: b.json, output: ${parts.data ? "values" : "logits"} } ${parts.bea ?? ""} }`,
        ]),
    "student: { model: { arch: mlp, hidden: [6] }, train: { epochs: 1 } }",
    `distill: { ${distill} }`,
    `ensemble: ${ensemble}`,
    `labels: { encoding: ${encoding} }`,
  ].join("\n");

function problemsOf(parts: Parts): string[] {
  try {
    parseSpec(specOf(parts), "f");
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

describe("an encoding that a spec names", () => {
  it.each([
    [
      "{ kind: topk, k: 3 }",
      'labels.encoding.kind: the text "topk", expected "top-k" or "sampled"; did you mean "top-k"?',
    ],
    ["{ kind: top-k }", "labels.encoding.k: missing, expected a whole number from 1 to 65535"],
    [
      "{ kind: top-k, k: 3, tial: ghost }",
      'labels.encoding.tial: unknown key, expected one of kind, k, packed, temperatures, tail, undeclared; did you mean "tail"?',
    ],
    ["{ kind: sampled, draws: 0 }", "labels.encoding.draws: 0, expected a whole number from 1 to 65535"],
  ])("%s is refused for the one that was meant", (encoding, problem) => {
    expect(problemsOf({ encoding })).toEqual([problem]);
  });

  it("leaves the branches of a teacher as they are told apart", () => {
    const text = specOf({}).replace(
      "model: { format: tfjs-layers, path: b.json, output: logits }",
      "lables: 3",
    );
    expect(() => parseSpec(text, "f")).toThrow(/teachers\[1\]/);
    expect(() => parseSpec(text, "f")).not.toThrow(/encoding\.kind/);
  });
});

describe("temperatures of top-k", () => {
  const textOf = (parts: Parts, teacher?: number) =>
    encodingText(encodingOf(parseSpec(specOf(parts), "f"), teacher).stored);
  const encoding = "{ kind: top-k, k: 3 }";

  it("are those of the terms, and 1, where the spec names none", () => {
    expect(textOf({ encoding })).toBe("top-k 3 at T 1, 4");
    const terms = [
      "{ kind: kl, temperature: 8 }",
      "{ kind: jsd, temperature: 2, teacher: ada }",
      "{ kind: standardised-kl, temperature: 5 }",
      "{ kind: virtual-teacher, temperature: 20 }",
      "{ kind: cross-entropy }",
    ];
    // Standardised logits are read at 1, and the virtual teacher is nobody.
    expect(textOf({ encoding, distill: `terms: [${terms.join(", ")}]` })).toBe("top-k 3 at T 1, 2, 8");
  });

  it("are those that the spec names, and 1, in their order", () => {
    expect(textOf({ encoding: "{ kind: top-k, k: 3, temperatures: [4, 2, 4] }" })).toBe(
      "top-k 3 at T 1, 2, 4",
    );
  });

  it("are of each teacher, as its encoding is", () => {
    const parts = { encoding: "int8", ada: ", encoding: { kind: top-k, k: 2 }", bea: ", encoding: float32" };
    expect([textOf(parts, 0), textOf(parts, 1), textOf(parts)]).toEqual([
      "top-k 2 at T 1, 4",
      "float32",
      "int8",
    ]);
  });
});

describe("a run is refused by name, with what to write instead, for", () => {
  const topK = (about = "") => `{ kind: top-k, k: 3${about} }`;
  const sampled = "{ kind: sampled, draws: 8 }";
  const term = (text: string) => `terms: [{ ${text} }]`;

  it.each<[string, Parts, string | RegExp]>([
    [
      "a temperature that labels hold no tail of",
      { encoding: topK(", temperatures: [2]") },
      'labels.encoding.temperatures: [2], and the term "kl" reads at T = 4; expected 4 among them, or undeclared: uniform, which approximates it',
    ],
    [
      "a temperature that changes",
      { encoding: topK(), distill: term("kind: kl, cooling: { to: 1, epochs: 2 }") },
      'labels.encoding.undeclared: "refuse", and the term "kl" cools from T = 4 to 1, at which labels hold no tail; expected "uniform", which approximates it',
    ],
    [
      "temperatures that validation finds",
      { encoding: topK(), ensemble: "{ calibrate: true }" },
      /^labels\.encoding\.undeclared: "refuse", and ensemble\.calibrate divides by temperatures that validation finds/,
    ],
    [
      "a ghost of several teachers",
      { encoding: topK(", tail: ghost") },
      'labels.encoding.tail: "ghost" for the term "kl": teachers that are combined store different classes, and have no ghost in common; expected "uniform"',
    ],
    [
      "a ghost in another term than kl",
      { encoding: topK(", tail: ghost"), bea: "none", distill: "loss: { kind: jsd }" },
      'labels.encoding.tail: "ghost" for the term "jsd": kl alone has a form for k + 1 outcomes; expected "uniform"',
    ],
    [
      "logits of classes without a probability",
      { encoding: topK(", tail: renormalised"), distill: "loss: { kind: logit-mse }" },
      `labels.encoding.tail: "renormalised" for the term "logit-mse": it asks for the logarithm of every class's probability, and most have none; expected "uniform"`,
    ],
    [
      "reverse KL with random draws",
      { encoding: sampled, distill: "loss: { kind: jsd, beta: 1 }" },
      /^labels\.encoding: "sampled" for the term "jsd": it asks for the logarithm .*; expected "half", or top-k$/,
    ],
    [
      "a geometric mean of random draws",
      { encoding: sampled, ensemble: "{ rule: geometric }" },
      /^labels\.encoding: "sampled" for the term "kl": by ensemble\.rule "geometric" a class that one teacher lacks is vetoed/,
    ],
    [
      "calibration by draws",
      { encoding: sampled, ensemble: "{ calibrate: true }" },
      /^labels\.encoding: "sampled", and ensemble\.calibrate asks for the probability of every true class/,
    ],
    [
      "distances between samples' draws",
      { encoding: sampled, distill: term("kind: rkd, teacher: ada") },
      /^labels\.encoding: "sampled" for the term "rkd": it compares samples by the logits of all classes/,
    ],
    [
      "a teacher that knows a part of the classes",
      { ada: ", classes: [0, 1], encoding: int8", bea: ", classes: [1, 2, 3]", ensemble: "{ rule: bridge }" },
      'teachers[0].encoding: "int8", and teacher "ada" knows classes [0, 1] alone, which takes a number for each class; expected "half" or "float32"',
    ],
  ])("%s", (_, parts, problem) => {
    const problems = problemsOf(parts);
    expect(problems).toHaveLength(1);
    if (typeof problem === "string") expect(problems[0]).toBe(problem);
    else expect(problems[0]).toMatch(problem);
  });

  it("more temperatures than labels hold", () => {
    const terms = Array.from({ length: 17 }, (_, i) => `{ kind: kl, temperature: ${i + 2} }`);
    const problems = problemsOf({ encoding: topK(), distill: `terms: [${terms.join(", ")}]` });
    expect(problems[0]).toMatch(
      /^labels\.encoding\.temperatures: missing, .* read at 18 temperatures with 1/,
    );
  });

  it.each([
    ["regression", "int8", /"int8", and outputs of data.task "regression" would share 256 levels/],
    [
      "regression",
      topK(),
      /"top-k", and data.task "regression" has no probabilities to leave out; expected "half" or "float32"/,
    ],
    [
      "multi-label",
      sampled,
      /"sampled", and data.task "multi-label" has a probability of its own for each class; expected "half", "float32" or "int8"/,
    ],
  ])("in %s the encoding %s", (task, encoding, problem) => {
    const data = `{ format: synthetic, task: ${task}, features: 5, train: 200, test: 50, ${task === "regression" ? "outputs" : "classes"}: 4 }`;
    const distill = task === "regression" ? "loss: { kind: value-mse }" : "loss: { kind: kd }";
    const text = specOf({ encoding, data, distill }).replaceAll(
      "output: values",
      `output: ${task === "regression" ? "values" : "logits"}`,
    );
    expect(() => parseSpec(text, "f")).toThrow(problem);
  });
});

describe("a run is not refused for", () => {
  it.each<[string, Parts]>([
    ["a ghost of the only teacher", { encoding: "{ kind: top-k, k: 2, tail: ghost }", bea: "none" }],
    [
      "a ghost of a teacher that a term listens to alone",
      {
        ada: ", encoding: { kind: top-k, k: 2, tail: ghost }",
        distill: "terms: [{ kind: kl, teacher: ada }, { kind: jsd, teacher: bea }]",
      },
    ],
    [
      "temperatures that are approximated",
      {
        encoding: "{ kind: top-k, k: 2, undeclared: uniform }",
        ensemble: "{ calibrate: true }",
        distill: "terms: [{ kind: kl, cooling: { to: 1, epochs: 2 } }]",
      },
    ],
    ["votes of random draws", { encoding: "{ kind: sampled, draws: 8 }", ensemble: "{ rule: vote }" }],
    [
      "teachers of different encodings",
      { ada: ", encoding: int8", bea: ", encoding: { kind: top-k, k: 2 }" },
    ],
  ])("%s", (_, parts) => {
    expect(problemsOf(parts)).toEqual([]);
  });
});
