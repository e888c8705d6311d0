import type { TermKind, TermSpec } from "../config/distillSpec.ts";
import type { EnsembleSpec } from "../config/ensembleSpec.ts";
import { type EncodingCase, ofEncoding } from "./encodingExactness.ts";
import {
  approximate,
  type Exactness,
  exact,
  type TargetSource,
  type TermCase,
  worst,
} from "./exactnessGrade.ts";
import { termNeeds } from "./termNeeds.ts";

/**
 * Whether labels in an encoding, combined by a rule, give a loss term what its formula asks for. The one table of this:
 * a spec is refused by it, `stillhouse plan` prints from it, and docs/methods.md holds it.
 */
export function exactness(encoding: EncodingCase, source: TargetSource, term: TermCase): Exactness {
  if (!termNeeds[term.kind].teachers) return exact;
  return worst(ofEncoding[encoding](source, term), ofSource[source](term));
}

const logProbabilities =
  "the target's log-probabilities stand for logits, which differ by one number a row, and what is not centred sees it";
const ofKl = approximate("the weights are those for which the gradient of kl is shortest, whatever the term");
const oneForAll = approximate("one teacher speaks for all in each batch: right on average for kl alone");

const apart: Exactness = {
  grade: "refused",
  why: 'ensemble.rule "own-classes" compares each teacher with the student on its own classes, which has a meaning for kl alone',
  instead: 'kl, or ensemble.rule "bridge"',
};
const joined = approximate(
  "classes that no teacher knows together are joined through those that two know, by least squares",
);

/** What a combination loses: it is known by its probabilities, so up to one number a row. */
const ofSource: Readonly<Record<TargetSource, (term: TermCase) => Exactness>> = {
  "one teacher": (term) => (uncentred(term) ? approximate(logProbabilities) : exact),
  geometric: (term) => (uncentred(term) ? approximate(logProbabilities) : exact),
  arithmetic: combination,
  entropy: combination,
  "ca-mkd": combination,
  "ae-kd": (term) => worst(combination(term), term.kind === "kl" ? exact : ofKl),
  random: (term) => worst(combination(term), oneForAll),
  "own-classes": ({ kind }) => (kind === "kl" ? exact : apart),
  bridge: (term) => worst(combination(term), joined),
  vote: decisions,
  rank: decisions,
  // Of regression, whose values are what its terms ask for.
  median: () => exact,
};

const uncentred = ({ kind, centred }: TermCase): boolean => kind === "logit-mse" && centred === false;

function combination(term: TermCase): Exactness {
  if (!uncentred(term)) return exact;
  return {
    grade: "refused",
    why: "a combination of teachers is known up to one number a row",
    key: "centred",
    instead: "true",
  };
}

/** Terms without a temperature of their own, which ask for probabilities at T = 1. */
const atOne: readonly TermKind[] = ["teacher-labels", "confidence-weighted"];

/** Shares of choices or of points, which no logits are behind. */
function decisions(term: TermCase): Exactness {
  const own = combination(term);
  if (term.kind === "logit-mse" || term.kind === "standardised-kl") {
    return worst(own, approximate("logs of shares, 1e-7 at least, stand for logits"));
  }
  if (!term.tempered || atOne.includes(term.kind)) return own;
  return worst(own, approximate("shares are softened by T as if they were probabilities at T = 1"));
}

/** The case of a term as a spec has it. */
export function caseOf(term: TermSpec): TermCase {
  return {
    kind: term.kind,
    centred: term.kind === "logit-mse" ? term.centred : undefined,
    beta: term.kind === "jsd" ? term.beta : undefined,
    tempered: "temperature" in term && (term.temperature !== 1 || ("cooling" in term && !!term.cooling)),
  };
}

/** Who makes a term's target in a spec. */
export function sourceOf(term: TermSpec, rule: EnsembleSpec["rule"], teachers: number): TargetSource {
  // These rules compare a single teacher too as they do others: it may know a part of the classes.
  if (teachers === 1 && (rule === "own-classes" || rule === "bridge")) return rule;
  return teachers === 1 || ("teacher" in term && term.teacher !== undefined) ? "one teacher" : rule;
}
