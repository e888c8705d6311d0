import type { TermKind } from "../config/distillSpec.ts";
import type { EncodingSpec } from "../config/encodingSpec.ts";
import { approximate, type Exactness, exact, type TargetSource, type TermCase } from "./exactnessGrade.ts";

/** Encodings as far as it matters what a loss is given. */
export const encodingCases = [
  "half",
  "float32",
  "int8",
  "top-k, tail uniform",
  "top-k, tail ghost",
  "top-k, tail renormalised",
  "sampled",
] as const;
export type EncodingCase = (typeof encodingCases)[number];

/** The case of an encoding as a spec has it. */
export function encodingCaseOf(encoding: EncodingSpec): EncodingCase {
  if (typeof encoding === "string") return encoding;
  switch (encoding.kind) {
    case "top-k":
      return `top-k, tail ${encoding.tail}`;
    case "sampled":
      return "sampled";
  }
}

const levels = approximate(
  "logits are rounded to 256 levels between the smallest and the largest of a sample",
);
const shared = approximate("classes beyond the k that are stored share the tail's probability equally");
const joined = approximate(
  "what the student says among the classes beyond the k that are stored is not compared",
);
const impossible = approximate("classes beyond the k that are stored count as impossible");
const drawn = approximate(
  "draws stand for probabilities: right on average at their temperature, and at others the better the more there are",
);

/** What a label loses on its way; rounding to the digits of half and float32 is not counted. */
export const ofEncoding: Readonly<Record<EncodingCase, (source: TargetSource, term: TermCase) => Exactness>> =
  {
    half: () => exact,
    float32: () => exact,
    int8: () => levels,
    "top-k, tail uniform": (source, term) =>
      byClass(source) ?? (firstChoice(source, term) || largest(source, term) ? exact : shared),
    "top-k, tail ghost": (source, { kind }) => {
      if (source !== "one teacher") {
        return refusedTail("teachers that are combined store different classes, and have no ghost in common");
      }
      return kind === "kl" ? joined : refusedTail("kl alone has a form for k + 1 outcomes");
    },
    "top-k, tail renormalised": (source, term) =>
      byClass(source) ??
      sparse(source, term, (why) => refusedTail(why)) ??
      (firstChoice(source, term) ? exact : impossible),
    sampled: (source, term) => byClass(source) ?? sparse(source, term, refusedKind) ?? drawn,
  };

function refusedTail(why: string): Exactness {
  return { grade: "refused", key: "tail", why, instead: '"uniform"' };
}

function refusedKind(why: string): Exactness {
  return { grade: "refused", key: "encoding", why, instead: '"half", or top-k' };
}

/** Rules that hold teachers against each other class by class. */
function byClass(source: TargetSource): Exactness | undefined {
  if (source !== "own-classes" && source !== "bridge") return undefined;
  return {
    grade: "refused",
    key: "encoding",
    why: 'ensemble.rule "own-classes" or "bridge" asks for an answer to every class that a teacher knows',
    instead: '"half", "float32" or "int8"',
  };
}

/** Whether the first choice of each teacher is all that is used: it is always stored. */
function firstChoice(source: TargetSource, { kind }: TermCase): boolean {
  return source === "vote" || (kind === "teacher-labels" && source === "one teacher");
}

/** Whether one teacher's largest probability is all that is used: top-k keeps it as it was. */
function largest(source: TargetSource, { kind }: TermCase): boolean {
  return kind === "confidence-weighted" && source === "one teacher";
}

/** Terms that look at the logarithm of a probability where the student, and not the teacher, has some. */
const ofEveryLog: readonly TermKind[] = ["reverse-kl", "dkd", "logit-mse", "standardised-kl"];

/** What has no meaning where classes have no probability at all. */
function sparse(
  source: TargetSource,
  { kind, beta }: TermCase,
  refused: (why: string) => Exactness,
): Exactness | undefined {
  if (source === "vote") return undefined;
  if (source === "geometric") {
    return refused('by ensemble.rule "geometric" a class that one teacher lacks is vetoed for all');
  }
  if (!ofEveryLog.includes(kind) && !(kind === "jsd" && beta === 1)) return undefined;
  return refused("it asks for the logarithm of every class's probability, and most have none");
}
