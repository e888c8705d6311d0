import { termNeeds } from "../distill/termNeeds.ts";
import type { Problem } from "./problems.ts";
import type { Path } from "./schemaNode.ts";
import type { RunSpec } from "./spec.ts";
import { definedFor, type Task } from "./tasks.ts";
import type { TeacherSpec } from "./teacherSpec.ts";

/** Finds what is not defined for the task of the data; each message names it, and what is possible instead. */
export function taskProblems(spec: RunSpec): Problem[] {
  const task = spec.data.task ?? "classification";
  return [
    ...dataProblems(spec, task),
    ...lossProblems(spec, task),
    ...deltaProblems(spec),
    ...ensembleProblems(spec, task),
    ...spec.teachers.flatMap((teacher, i) => teacherProblems(["teachers", i], teacher, task)),
  ];
}

/** What goes by the one class of a sample. */
function dataProblems({ data, student }: RunSpec, task: Task): Problem[] {
  const problems: Problem[] = [];
  const refuse = (key: string, message: string) => problems.push({ path: ["data", key], message });
  const ofClasses =
    "dataset" in data
      ? `data.dataset "${data.dataset}" tells one class of each sample`
      : data.format === "idx"
        ? 'data.format "idx" tells one class of each sample'
        : undefined;
  if (task !== "classification" && ofClasses) {
    refuse("task", `"${task}", and ${ofClasses}; expected "classification", or other data`);
  }
  if (task !== "classification" && "format" in data && data.format === "npz" && data.classes !== undefined) {
    refuse(
      "classes",
      `given, and data.task "${task}" has as many as data.targets has columns; expected none`,
    );
  }
  if (task !== "classification" && data.transfer) {
    refuse(
      "transfer",
      `given, and samples of data.task "${task}" have no one class to leave out; expected none`,
    );
  }
  if (task !== "classification" && student.correctBias) {
    const message = `given, and data.task "${task}" has no first choice that a bias would change; expected none`;
    problems.push({ path: ["student", "correctBias"], message });
  }
  if (task !== "regression" && data.standardise !== undefined) {
    refuse(
      "standardise",
      `given, and data.task is "${task}", which has no numbers to standardise; expected none`,
    );
  }
  if (task !== "regression" && "outputs" in data && data.outputs !== undefined) {
    refuse("outputs", `given, and data.task is "${task}", which has classes; expected data.classes`);
  }
  return problems;
}

function lossProblems({ distill: { loss, terms } }: RunSpec, task: Task): Problem[] {
  const { losses, terms: known } = definedFor[task];
  const problems: Problem[] = [];
  if (loss && !losses.includes(loss.kind)) {
    problems.push(undefinedFor(["distill", "loss", "kind"], loss.kind, task, losses));
  }
  if (loss?.kind === "logit-mse" && task === "multi-label" && loss.centred) {
    problems.push(centred(["distill", "loss", "kind"]));
  }
  (terms ?? []).forEach((term, i) => {
    const path: Path = ["distill", "terms", i];
    if (!known.includes(term.kind)) {
      problems.push(undefinedFor([...path, "kind"], term.kind, task, known));
    }
    if (term.kind === "logit-mse" && task === "multi-label" && term.centred) {
      problems.push(centred([...path, "kind"]));
    }
  });
  const told = (terms ?? []).some(({ kind }) => termNeeds[kind].labels || termNeeds[kind].teachers);
  if (terms && task !== "classification" && !told) {
    const message = `none tells what the outputs of data.task "${task}" should be; expected a term of true labels or of the teachers' answers too`;
    problems.push({ path: ["distill", "terms"], message });
  }
  return problems;
}

/** The student alone learns the true values by a single Huber's loss. */
function deltaProblems({ distill: { terms }, baseline }: RunSpec): Problem[] {
  const hubers = (terms ?? []).flatMap((term, place) => (term.kind === "huber" ? [{ ...term, place }] : []));
  const [first] = hubers;
  const other = hubers.find(({ delta }) => delta !== first?.delta);
  if (!baseline || !first || !other) return [];
  const message = `"huber" with delta ${other.delta}, and distill.terms[${first.place}] has delta ${first.delta}: the student alone, which is trained too, has one; expected the same delta, or baseline: false`;
  return [{ path: ["distill", "terms", other.place, "kind"], message }];
}

/** Each class of a multi-label model has a probability of its own, which a shift of its row would change. */
function centred(path: Path): Problem {
  const message =
    '"logit-mse", which takes each row\'s mean off unless it is told not to, and in data.task "multi-label" a shift of a row changes every probability; expected it with centred: false';
  return { path, message };
}

function ensembleProblems({ ensemble, teachers }: RunSpec, task: Task): Problem[] {
  const { rule, weights, calibrate, quorum } = ensemble;
  const { rules, weights: ways, calibrate: canCalibrate } = definedFor[task];
  const problems: Problem[] = [];
  if (teachers.length === 0 && task !== "classification") {
    const message = `none, and a run of data.task "${task}" is measured against its teachers; expected one at least`;
    problems.push({ path: ["teachers"], message });
  }
  if (!rules.includes(rule)) problems.push(undefinedFor(["ensemble", "rule"], rule, task, rules));
  if (typeof weights === "string" && !ways.includes(weights)) {
    const possible = [...ways, `a list of ${teachers.length}`];
    problems.push(undefinedFor(["ensemble", "weights"], weights, task, possible));
  }
  if (rule === "median" && weights !== undefined) {
    const message = 'given, and ensemble.rule "median" counts all teachers alike; expected none';
    problems.push({ path: ["ensemble", "weights"], message });
  }
  if (quorum !== "all" && task !== "classification") {
    const message = `given, and data.task "${task}" needs the labels of every teacher; expected "all"`;
    problems.push({ path: ["ensemble", "quorum"], message });
  }
  if (calibrate && !canCalibrate) {
    const message = `true, and data.task "${task}" has no probabilities to calibrate; expected false`;
    problems.push({ path: ["ensemble", "calibrate"], message });
  }
  return problems;
}

function teacherProblems(path: Path, teacher: TeacherSpec, task: Task): Problem[] {
  const { outputs, quantise } = definedFor[task];
  const problems: Problem[] = [];
  const wrong = (own: Path, output: (typeof outputs)[number] | undefined) => {
    if (output === undefined || outputs.includes(output)) return;
    problems.push(undefinedFor([...path, ...own], output, task, outputs));
  };
  const slow = (own: Path, given: string | undefined) => {
    if (given === undefined || quantise) return;
    const message = `"${given}", which is measured on classes alone, and data.task is "${task}"; expected none`;
    problems.push({ path: [...path, ...own], message });
  };
  if ("classes" in teacher && teacher.classes !== undefined && task !== "classification") {
    const message = `given, and data.task "${task}" has teachers that know all of its outputs; expected none`;
    problems.push({ path: [...path, "classes"], message });
  }
  if ("labels" in teacher) {
    if ("path" in teacher.labels) wrong(["labels", "output"], teacher.labels.output);
  } else if ("train" in teacher) {
    slow(["quantise"], teacher.quantise);
    if (teacher.atLeast && task !== "classification") {
      const message = `asks for an accuracy, and data.task is "${task}"; expected none`;
      problems.push({ path: [...path, "atLeast"], message });
    }
  } else if ("student" in teacher) {
    slow(["quantise"], teacher.quantise);
  } else {
    wrong(["model", "output"], teacher.model.output);
    slow(["model", "quantise"], teacher.model.quantise);
  }
  return problems;
}

function undefinedFor(path: Path, seen: string, task: Task, possible: readonly string[]): Problem {
  const message = `"${seen}" is not defined for data.task "${task}"; expected one of [${possible.join(", ")}]`;
  return { path, message };
}
