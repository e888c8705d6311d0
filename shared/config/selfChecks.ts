import { blocksWithExit, isConvolutional, usualExits } from "../distill/exits.ts";
import { termNeeds } from "../distill/termNeeds.ts";
import { selfTermsOf, termsOf } from "../distill/termsOf.ts";
import { pathText } from "./locate.ts";
import type { Problem } from "./problems.ts";
import type { Path } from "./schemaNode.ts";
import type { SelfTermKind, SelfTermSpec } from "./selfTermSpec.ts";
import type { RunSpec } from "./spec.ts";

/** Terms that say nothing of what is right: beside them something has to. */
const alone: readonly string[] = ["mean-teacher", "early-exits", "peers"] satisfies SelfTermKind[];

/** A spec without teachers, whose terms learn from some. */
export function unheardProblems({ distill, teachers, ensemble }: RunSpec): Problem[] {
  if (teachers.length > 0) return [];
  const hearing = termsOf(distill).filter((term) => termNeeds[term.kind].teachers || "feature" in term);
  const kinds = hearing.map(({ kind }) => kind).join(", ");
  return [
    ...(hearing.length > 0
      ? [
          {
            path: ["teachers"],
            message: `none, and the terms [${kinds}] of distill learn from teachers; expected one at least, or terms that need none`,
          },
        ]
      : []),
    ...(ensemble.rule !== "arithmetic"
      ? [
          {
            path: ["ensemble", "rule"],
            message: `"${ensemble.rule}", and teachers has none to combine; expected no such key`,
          },
        ]
      : []),
    ...(ensemble.calibrate || ensemble.weights !== undefined
      ? [{ path: ["ensemble"], message: "teachers has none to calibrate or weigh; expected no such key" }]
      : []),
  ];
}

/** Problems of terms by which a student learns from itself or its peers. */
export function selfProblems(spec: RunSpec): Problem[] {
  const { distill } = spec;
  if (distill.loss !== undefined && distill.terms !== undefined) return [];
  const kinds = termsOf(distill).map(({ kind }) => kind);
  const pathOf = (term: SelfTermSpec): Path =>
    distill.terms ? ["distill", "terms", distill.terms.indexOf(term)] : ["distill", "loss"];
  const found = selfTermsOf(distill).flatMap((term, i, all) => [
    ...(all.findIndex(({ kind }) => kind === term.kind) < i
      ? [{ path: [...pathOf(term), "kind"], message: `"${term.kind}" again; expected it once` }]
      : []),
    ...problemsOf(term, pathOf(term), spec),
  ]);
  if (distill.terms && kinds.every((kind) => alone.includes(kind))) {
    const message = `[${kinds.join(", ")}] alone do not tell the student what is right; expected a term of labels or teachers beside them, as cross-entropy`;
    found.push({ path: ["distill", "terms"], message });
  }
  return found;
}

function problemsOf(term: SelfTermSpec, path: Path, { student, seeds, nodes }: RunSpec): Problem[] {
  switch (term.kind) {
    case "ps-kd":
    case "mean-teacher":
      return [];
    case "early-exits": {
      const own = [...path, "exits"];
      const arch = student.model;
      const model = `student.model.arch is "${arch.arch}"`;
      if (!isConvolutional(arch)) {
        return [
          { path, message: `early exits are after convolutions, and ${model}; expected cnn or separable` },
        ];
      }
      const possible = blocksWithExit(arch);
      if (usualExits(arch).length === 0) {
        return [
          { path: own, message: `${model} with a single block, which is the deepest; expected two or more` },
        ];
      }
      return (term.exits ?? []).flatMap((block, i, all) => [
        ...(possible.includes(block)
          ? []
          : [{ path: [...own, i], message: `${block}, and ${model}; expected 1 to ${possible.length}` }]),
        ...(all.indexOf(block) < i
          ? [{ path: [...own, i], message: `${block} again; expected another` }]
          : []),
      ]);
    }
    case "peers":
      if (seeds.length < 2) {
        return [
          { path, message: "peers are the students of other seeds, and seeds has one; expected two or more" },
        ];
      }
      if (nodes.studentWorkers >= seeds.length) return [];
      return [
        {
          path: ["nodes", "studentWorkers"],
          message: `${nodes.studentWorkers}, and the ${seeds.length} students of seeds wait for each other (${pathText(path)}); expected ${seeds.length} or more, so that all are trained at once`,
        },
      ];
  }
}
