import { type EncodingCase, encodingCaseOf, ofEncoding } from "../distill/encodingExactness.ts";
import { caseOf, sourceOf } from "../distill/exactness.ts";
import { targetTemperature } from "../distill/targetTemperatures.ts";
import { termNeeds } from "../distill/termNeeds.ts";
import { termsOf } from "../distill/termsOf.ts";
import { encodingOf, writtenEncoding } from "./encodingOf.ts";
import { type EncodingSpec, MOST_TEMPERATURES } from "./encodingSpec.ts";
import { pathText } from "./locate.ts";
import type { Problem } from "./problems.ts";
import type { Path } from "./schemaNode.ts";
import type { RunSpec } from "./spec.ts";

type TopK = Extract<EncodingSpec, { kind: "top-k" }>;

/** What does not fit how teachers' answers are stored; each message names the encoding's key and what to write instead. */
export function encodingProblems(spec: RunSpec): Problem[] {
  const found = spec.teachers.flatMap((teacher, k) => {
    const encoding = writtenEncoding(spec, k);
    const path: Path = teacher.encoding === undefined ? ["labels", "encoding"] : ["teachers", k, "encoding"];
    const problems = [
      ...taskProblems(path, encoding, spec),
      ...partProblems(path, encoding, spec, k),
      ...(typeof encoding !== "string" && encoding.kind === "top-k"
        ? temperatureProblems(path, encoding, spec, k)
        : []),
    ];
    // What the task or a teacher's classes rule out needs no word on losses.
    return problems.length > 0 ? problems : lossProblems(path, encoding, spec, k);
  });
  const known = new Set<string>();
  return found.filter(({ path, message }) => {
    const text = `${pathText(path)} ${message}`;
    return !known.has(text) && known.add(text);
  });
}

/** What reads a teacher's labels at temperatures that they do not hold the tail of, in words. */
export function undeclaredReads(spec: RunSpec, teacher: number): { what: string; at?: number }[] {
  const { stored } = encodingOf(spec, teacher);
  if (typeof stored === "string" || stored.kind !== "top-k") return [];
  const { name } = spec.teachers[teacher] ?? {};
  const reads = termsOf(spec.distill).flatMap((term) => {
    const read =
      "teacher" in term && term.teacher !== undefined && term.teacher !== name
        ? undefined
        : targetTemperature(term);
    if (!read) return [];
    const { at, cooledTo } = read;
    if (cooledTo !== undefined) {
      return [{ what: `the term "${term.kind}" cools from T = ${at} to ${cooledTo}` }];
    }
    return stored.temperatures.includes(at)
      ? []
      : [{ what: `the term "${term.kind}" reads at T = ${at}`, at }];
  });
  const { calibrate } = spec.ensemble;
  return calibrate
    ? [...reads, { what: "ensemble.calibrate divides by temperatures that validation finds" }]
    : reads;
}

function temperatureProblems(
  path: Path,
  { temperatures, undeclared }: TopK,
  spec: RunSpec,
  k: number,
): Problem[] {
  const problems: Problem[] = [];
  const { stored } = encodingOf(spec, k);
  const count = typeof stored !== "string" && stored.kind === "top-k" ? stored.temperatures.length : 0;
  if (count > MOST_TEMPERATURES) {
    const message = `missing, and the terms of distill read at ${count} temperatures with 1, of which labels hold ${MOST_TEMPERATURES} at most; expected a list of ${MOST_TEMPERATURES - 1}, and undeclared: uniform`;
    return [{ path: [...path, "temperatures"], message }];
  }
  if (undeclared === "uniform") return [];
  for (const { what, at } of undeclaredReads(spec, k)) {
    if (at === undefined) {
      const message = `"refuse", and ${what}, at which labels hold no tail; expected "uniform", which approximates it`;
      problems.push({ path: [...path, "undeclared"], message });
    } else {
      const message = `[${temperatures?.join(", ")}], and ${what}; expected ${at} among them, or undeclared: uniform, which approximates it`;
      problems.push({ path: [...path, "temperatures"], message });
    }
  }
  return problems;
}

/** Numbers that do not compete for one probability, and those that are in units of their own. */
function taskProblems(path: Path, encoding: EncodingSpec, { data: { task } }: RunSpec): Problem[] {
  if (task === undefined || task === "classification") return [];
  if (typeof encoding !== "string") {
    const why =
      task === "regression"
        ? "has no probabilities to leave out"
        : "has a probability of its own for each class";
    const message = `"${encoding.kind}", and data.task "${task}" ${why}; expected "half"${task === "regression" ? ' or "float32"' : ', "float32" or "int8"'}`;
    return [{ path, message }];
  }
  if (encoding !== "int8" || task !== "regression") return [];
  const message =
    '"int8", and outputs of data.task "regression" would share 256 levels, whatever their units; expected "half" or "float32"';
  return [{ path, message }];
}

/** Classes that a teacher does not know stand in its labels as a lowest number, which only halves and floats hold. */
function partProblems(path: Path, encoding: EncodingSpec, { teachers }: RunSpec, k: number): Problem[] {
  const teacher = teachers[k];
  const part = teacher && "classes" in teacher && teacher.classes;
  if (!part || encoding === "half" || encoding === "float32") return [];
  const kind = typeof encoding === "string" ? encoding : encoding.kind;
  const message = `"${kind}", and teacher "${teacher.name}" knows classes [${part.join(", ")}] alone, which takes a number for each class; expected "half" or "float32"`;
  return [{ path, message }];
}

function lossProblems(path: Path, encoding: EncodingSpec, spec: RunSpec, k: number): Problem[] {
  const { data, ensemble, teachers, distill } = spec;
  if (data.task !== undefined && data.task !== "classification") return [];
  const { name } = teachers[k] as { name: string };
  const encodingCase = encodingCaseOf(encoding);
  const calibrated = ensemble.calibrate ? calibrateProblems(path, encodingCase) : [];
  const refused = termsOf(distill).flatMap((term): Problem[] => {
    if ("teacher" in term && term.teacher !== undefined && term.teacher !== name) return [];
    if ("feature" in term)
      return term.feature === "logits" ? relationProblems(path, encodingCase, term.kind) : [];
    if (!termNeeds[term.kind].teachers) return [];
    const found = ofEncoding[encodingCase](sourceOf(term, ensemble.rule, teachers.length), caseOf(term));
    if (found.grade !== "refused") return [];
    const { key = "encoding", why, instead } = found;
    const at = typeof encoding === "string" || key === "encoding" ? undefined : key;
    const seen = encodingValue(encoding, at);
    const message = `"${seen}" for the term "${term.kind}": ${why}; expected ${instead}`;
    return [{ path: at === undefined ? path : [...path, at], message }];
  });
  return [...calibrated, ...refused];
}

/** A likelihood of true classes, of which one without a probability would be all that counts. */
function calibrateProblems(path: Path, encoding: EncodingCase): Problem[] {
  if (encoding !== "sampled" && encoding !== "top-k, tail renormalised") return [];
  const [seen, own, instead] =
    encoding === "sampled"
      ? ["sampled", path, '"half", or top-k']
      : ["renormalised", [...path, "tail"], '"uniform"'];
  const message = `"${seen}", and ensemble.calibrate asks for the probability of every true class; expected ${instead}, or calibrate: false`;
  return [{ path: own as Path, message }];
}

/** The value of a key, or what the encoding is called. */
function encodingValue(encoding: EncodingSpec, key: string | undefined): string {
  if (typeof encoding === "string") return encoding;
  return key === undefined ? encoding.kind : String(encoding[key as keyof typeof encoding]);
}

/** Distances between samples' logits, of which those that were left out would be most. */
function relationProblems(path: Path, encoding: EncodingCase, kind: string): Problem[] {
  if (encoding !== "sampled" && encoding !== "top-k, tail renormalised" && encoding !== "top-k, tail ghost") {
    return [];
  }
  const seen = encoding === "sampled" ? encoding : encoding.slice("top-k, tail ".length);
  const instead = encoding === "sampled" ? '"half", or top-k' : '"uniform"';
  const message = `"${seen}" for the term "${kind}": it compares samples by the logits of all classes; expected ${instead}`;
  return [{ path: encoding === "sampled" ? path : [...path, "tail"], message }];
}
