import { caseOf, exactness, sourceOf } from "../distill/exactness.ts";
import { termsOf } from "../distill/termsOf.ts";
import type { ArchSpec } from "./archSpec.ts";
import type { DataSpec } from "./dataSpec.ts";
import { encodingProblems } from "./encodingChecks.ts";
import { pathText } from "./locate.ts";
import { moreStudentsProblems } from "./moreStudentsChecks.ts";
import { ownClassesProblems } from "./ownClassesChecks.ts";
import type { Problem } from "./problems.ts";
import { repeated } from "./repeated.ts";
import type { Path } from "./schemaNode.ts";
import { selfProblems, unheardProblems } from "./selfChecks.ts";
import type { ComputeSpec, RunSpec } from "./spec.ts";
import { taskProblems } from "./taskChecks.ts";
import type { TeacherTrainSpec, TrainSpec } from "./trainSpec.ts";
import { viewsProblems } from "./viewsChecks.ts";

/** Finds keys that are right by themselves and do not fit each other; each message names both. */
export function crossChecks(spec: RunSpec): Problem[] {
  const own = problemsOfOne(spec);
  return [...own, ...moreStudentsProblems(spec, own, problemsOfOne)];
}

/** Of a spec as its `student` reads it. */
function problemsOfOne(spec: RunSpec): Problem[] {
  const trainings: { path: Path; model: ArchSpec; train: TrainSpec | TeacherTrainSpec }[] = [
    { path: ["student"], ...spec.student },
    ...spec.teachers.flatMap((teacher, i) =>
      "train" in teacher ? [{ path: ["teachers", i], model: teacher.model, train: teacher.train }] : [],
    ),
  ];
  return [
    ...dataProblems(spec.data),
    ...repeated(
      spec.teachers.map((teacher) => teacher.name),
      (i) => ["teachers", i, "name"],
    ),
    ...repeated(spec.seeds, (i) => ["seeds", i]),
    ...classListProblems(spec),
    ...taskProblems(spec),
    ...ensembleProblems(spec),
    ...distillProblems(spec),
    ...encodingProblems(spec),
    ...selfProblems(spec),
    ...ownClassesProblems(spec),
    ...unheardProblems(spec),
    ...viewsProblems(spec),
    ...trainings.flatMap(({ path, model, train }) => [
      ...archProblems([...path, "model"], model, spec.data),
      ...scheduleProblems([...path, "train"], train, spec.data),
      ...bucketProblems(path, model, train),
      ...maxNormProblems(path, train, spec.compute),
      ...augmentProblems(path, train, model, spec.data),
    ]),
  ];
}

/** Rules that find the weights themselves. */
const selfWeighted = ["entropy", "ca-mkd", "ae-kd"];
/** Of the pairs of classes that `rank` compares, for each sample. */
const MOST_RANKED_CLASSES = 256;

function ensembleProblems({ ensemble: { weights, rule, quorum }, teachers, data }: RunSpec): Problem[] {
  const problems: Problem[] = [];
  if (Array.isArray(weights) && weights.length !== teachers.length) {
    const message = `a list of ${weights.length}, and teachers has ${teachers.length}; expected one weight a teacher`;
    problems.push({ path: ["ensemble", "weights"], message });
  }
  if (weights !== undefined && selfWeighted.includes(rule)) {
    const message = `given, and ensemble.rule "${rule}" finds the weights itself; expected none`;
    problems.push({ path: ["ensemble", "weights"], message });
  }
  if (quorum !== "all" && quorum.teachers > teachers.length) {
    const message = `${quorum.teachers}, and teachers has ${teachers.length}; expected at most these`;
    problems.push({ path: ["ensemble", "quorum", "teachers"], message });
  }
  const classes = "classes" in data ? data.classes : undefined;
  if (rule === "rank" && classes !== undefined && classes > MOST_RANKED_CLASSES) {
    const message = `"rank" compares all pairs of classes, and data.classes is ${classes}; expected at most ${MOST_RANKED_CLASSES}, or another rule`;
    problems.push({ path: ["ensemble", "rule"], message });
  }
  return problems;
}

function distillProblems({ data, distill: { loss, terms }, teachers, ensemble }: RunSpec): Problem[] {
  if (loss !== undefined && terms !== undefined) {
    const message = "given beside distill.loss, which it would replace; expected one of the two";
    return [{ path: ["distill", "terms"], message }];
  }
  if (loss === undefined && terms === undefined) {
    return [{ path: ["distill"], message: "it has neither loss nor terms; expected one of the two" }];
  }
  const names = teachers.map(({ name }) => name);
  const unknown = (terms ?? []).flatMap((term, i): Problem[] => {
    if (!("teacher" in term) || term.teacher === undefined || names.includes(term.teacher)) return [];
    const message = `"${term.teacher}", expected one of [${names.join(", ")}]`;
    return [{ path: ["distill", "terms", i, "teacher"], message }];
  });
  // Targets of other tasks are what their terms ask for, and `taskProblems` knows the terms.
  const classes = data.task === undefined || data.task === "classification";
  const asked = classes ? termsOf({ loss, terms }) : [];
  const refused = asked.flatMap((term, i): Problem[] => {
    const source = sourceOf(term, ensemble.rule, teachers.length);
    // What an encoding loses is the encoding's problem.
    const found = exactness("float32", source, caseOf(term));
    if (found.grade !== "refused") return [];
    const { key = "kind", why, instead } = found;
    const seen = term[key as keyof typeof term];
    return [
      {
        path: terms ? ["distill", "terms", i, key] : ["distill", "loss", key],
        message: `${JSON.stringify(seen)}, and ${why}; expected ${instead}`,
      },
    ];
  });
  const within = (terms ?? []).flatMap((term, i): Problem[] => {
    if (!("feature" in term) || ensemble.quorum === "all") return [];
    const message = `"${term.kind}" learns from one teacher's features or answers, which one that is late has not sent, and ensemble.quorum goes on without it; expected another term, or ensemble.quorum: all`;
    return [{ path: ["distill", "terms", i, "kind"], message }];
  });
  return [...unknown, ...refused, ...within];
}

/** Samples to train on, validation included, as far as a spec tells without its data. */
function knownRows(data: DataSpec): { rows: number; from: string } | undefined {
  if ("dataset" in data) return { rows: 60_000, from: `data.dataset ${data.dataset}` };
  return data.format === "synthetic" ? { rows: data.train, from: "data.train" } : undefined;
}

function dataProblems(data: DataSpec): Problem[] {
  const known = knownRows(data);
  const { limit, labelled } = data;
  const most = limit === undefined ? known : { rows: limit, from: "data.limit" };
  return [
    ...(known && limit !== undefined && limit > known.rows
      ? [
          {
            path: ["data", "limit"],
            message: `${limit}, expected at most the ${known.rows} of ${known.from}`,
          },
        ]
      : []),
    ...(most && labelled !== undefined && labelled >= most.rows
      ? [
          {
            path: ["data", "labelled"],
            message: `${labelled}, expected less than the ${most.rows} of ${most.from}, some of which data.validation takes`,
          },
        ]
      : []),
  ];
}

/** Lists of classes: each once, and of those that there are as far as a spec tells without its data. */
function classListProblems({ data, student: { correctBias } }: RunSpec): Problem[] {
  const without: Path = ["data", "transfer", "without"];
  const left = data.transfer?.without;
  const classes = "dataset" in data ? 10 : data.classes;
  const from = "dataset" in data ? `data.dataset "${data.dataset}"` : "data.classes";
  const lists: { path: Path; list: readonly number[] | undefined }[] = [
    { path: without, list: left },
    { path: ["student", "correctBias"], list: correctBias },
  ];
  const problems = lists.flatMap(({ path, list = [] }) => [
    ...repeated(list, (i) => [...path, i]),
    ...list.flatMap((of, i) =>
      classes === undefined || of < classes
        ? []
        : [{ path: [...path, i], message: `${of}, expected a class below the ${classes} of ${from}` }],
    ),
  ]);
  if (left === undefined || data.labelled === undefined) return problems;
  const message =
    "given beside data.labelled, which hides the classes that it would go by; expected one of the two";
  return [...problems, { path: without, message }];
}

function archProblems(path: Path, model: ArchSpec, data: DataSpec): Problem[] {
  const wrong = [...path, "arch"];
  switch (model.arch) {
    case "mlp": {
      const { dropout, hidden } = model;
      if (!Array.isArray(dropout) || dropout.length === hidden.length) return [];
      const message = `a list of ${dropout.length}, and ${pathText([...path, "hidden"])} has ${hidden.length} layers; expected one share a layer`;
      return [{ path: [...path, "dropout"], message }];
    }
    case "cnn":
    case "separable": {
      if (!("format" in data) || data.format !== "synthetic") return [];
      const message = `"${model.arch}" takes images, and data.format "synthetic" gives lists of numbers; expected "mlp"`;
      return [{ path: wrong, message }];
    }
    case "transformer": {
      const { width, heads } = model;
      const given =
        "dataset" in data
          ? `data.dataset "${data.dataset}" gives images`
          : data.format === "synthetic"
            ? 'data.format "synthetic" gives other numbers'
            : undefined;
      const even = `${heads}, and ${pathText([...path, "width"])} is ${width}; expected a divisor of it`;
      return [
        ...(given ? [{ path: wrong, message: `"transformer" takes token ids, and ${given}` }] : []),
        ...(width % heads === 0 ? [] : [{ path: [...path, "heads"], message: even }]),
      ];
    }
  }
}

function scheduleProblems(path: Path, train: TrainSpec, data: DataSpec): Problem[] {
  const { schedule, epochs, batch } = train;
  const problems: Problem[] = [];
  const rows = data.limit ?? knownRows(data)?.rows;
  // Validation is still in `rows`, so this is the most steps that there can be.
  const steps = rows === undefined ? Number.POSITIVE_INFINITY : Math.ceil(rows / batch) * epochs;
  if (schedule.warmupSteps >= steps) {
    problems.push({
      path: [...path, "schedule", "warmupSteps"],
      message: `${schedule.warmupSteps}, and ${pathText([...path, "epochs"])} ${epochs} makes at most ${steps} steps; expected fewer`,
    });
  }
  if (schedule.kind !== "step") return problems;
  schedule.epochs.forEach((epoch, i) => {
    if (epoch < epochs) return;
    problems.push({
      path: [...path, "schedule", "epochs", i],
      message: `${epoch}, and ${pathText([...path, "epochs"])} ${epochs} ends before it; expected less than ${epochs}`,
    });
  });
  return [...problems, ...repeated(schedule.epochs, (i) => [...path, "schedule", "epochs", i])];
}

function bucketProblems(path: Path, { arch }: ArchSpec, { lengthBuckets }: TrainSpec): Problem[] {
  if (lengthBuckets === undefined) return [];
  const own: Path = [...path, "train", "lengthBuckets"];
  if (arch === "transformer") return repeated(lengthBuckets, (i) => [...own, i]);
  const model = pathText([...path, "model", "arch"]);
  return [{ path: own, message: `given, and ${model} "${arch}" takes no token ids; expected none` }];
}

function maxNormProblems(path: Path, { maxNorm }: TrainSpec, { update }: ComputeSpec): Problem[] {
  if (maxNorm === undefined || update === "in-place") return [];
  const message = `given, and compute.update "${update}" has no step for it; expected none, or compute.update "in-place"`;
  return [{ path: [...path, "train", "maxNorm"], message }];
}

/** Of data from files only their shape tells, when a teacher is trained. */
function augmentProblems(
  path: Path,
  { augment }: Partial<TeacherTrainSpec>,
  { arch }: ArchSpec,
  data: DataSpec,
): Problem[] {
  if (augment === undefined) return [];
  const own: Path = [...path, "train", "augment"];
  if ("format" in data && data.format === "synthetic") {
    const message = 'given, and data.format "synthetic" gives lists of numbers, no images; expected none';
    return [{ path: own, message }];
  }
  if (arch !== "transformer") return [];
  const message = `given, and ${pathText([...path, "model", "arch"])} "transformer" takes token ids, no images; expected none`;
  return [{ path: own, message }];
}
