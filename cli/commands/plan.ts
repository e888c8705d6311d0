import { planRun, type RunPlan } from "../../coordinator/plan.ts";
import { undeclaredReads } from "../../shared/config/encodingChecks.ts";
import { encodingOf, encodingsOf, writtenEncoding } from "../../shared/config/encodingOf.ts";
import { loadSpec } from "../../shared/config/load.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { specOf, studentsOf } from "../../shared/config/students.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { openDataset } from "../../shared/data/open.ts";
import { labelledViews } from "../../shared/data/views/viewSchedule.ts";
import { encodingCaseOf, ofEncoding } from "../../shared/distill/encodingExactness.ts";
import { caseOf, exactness, sourceOf } from "../../shared/distill/exactness.ts";
import { termNeeds } from "../../shared/distill/termNeeds.ts";
import { termsOf } from "../../shared/distill/termsOf.ts";
import { encodingText } from "../../shared/labels/encodingText.ts";
import { layerShapes } from "../../shared/model/layerShapes.ts";
import { jobsOf } from "../../shared/protocol/jobs.ts";
import { nodesOf } from "../local/threads.ts";

/** `stillhouse plan SPEC`: checks the spec against the data, and prints what a run would do. */
export async function plan(specPath: string, options: { json?: boolean }): Promise<number> {
  const { spec, baseDir } = await loadSpec(specPath);
  const dataset = await openDataset(spec.data, baseDir);
  const planned = planRun(spec, dataset);
  if (options.json) {
    const { chunks, ...rest } = planned;
    process.stdout.write(
      `${JSON.stringify({ name: spec.name, data: dataset.hash, chunks: chunks.length, ...rest }, null, 2)}\n`,
    );
    return 0;
  }
  const n = (value: number): string => value.toLocaleString("en");
  const { train, validation, test } = dataset.splits;
  const imported = spec.teachers.flatMap((teacher) => ("labels" in teacher ? [teacher.name] : []));
  const jobs = jobsOf(spec);
  const students = jobs.filter(({ kind }) => kind === "student").length;
  const alone = jobs.length - students;
  const lines = [
    `${spec.name}: ${spec.teachers.length} teachers, ${students} students${alone > 0 ? `, and ${alone === students ? "each" : alone} alone` : ""}`,
    `data      ${dataset.name} ${dataset.hash}`,
    `          ${n(train.length)} train, ${n(validation.length)} validation, ${n(test.length)} test; [${dataset.inputShape.join(", ")}], ${dataset.classes} ${dataset.targets?.task === "regression" ? "outputs" : "classes"}; ${dataset.shards.length} shards`,
    ...(spec.teachers.length === 0
      ? ["labels    none are made: there are no teachers"]
      : [
          `labels    ${n(planned.chunks.length)} chunks of ${n(spec.labels.chunkSize)} a teacher, ${n(planned.passes)} teacher passes if the log is empty`,
          ...viewLines(spec),
          ...sizeLines(spec, planned),
          `          about ${megabytes(planned.labelBytes)} in the log; limit ${megabytes(spec.labels.maxLogBytes)}`,
          ...storeLines(spec, planned),
        ]),
    ...insideLines(spec, planned, dataset),
    ...(imported.length > 0
      ? [`          those of ${imported.join(", ")} come from elsewhere and need no pass`]
      : []),
    ...quorumLines(spec),
    ...approximations(spec).map((text) => `          approximate: ${text}`),
    "trainings",
    ...planned.trainings.map(
      ({ name, parameters, epochs, stepsPerEpoch }) =>
        `          ${name.padEnd(28)} ${n(parameters ?? 0).padStart(11)} parameters, ${epochs} epochs of ${n(stepsPerEpoch)} steps = ${n(epochs * stepsPerEpoch)} steps`,
    ),
    `nodes     ${nodesOf(spec).teachers} teacher nodes, ${spec.nodes.studentWorkers} trainings at once in the student node`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

/** Bytes a sample by encoding; of whom, where teachers differ. */
function sizeLines(spec: RunSpec, { rowBytes }: RunPlan): string[] {
  const texts = new Map<string, string[]>();
  encodingsOf(spec).forEach(({ stored }, k) => {
    const text = `${rowBytes[k]} bytes a sample (${encodingText(stored)})`;
    texts.set(text, [...(texts.get(text) ?? []), spec.teachers[k]?.name ?? ""]);
  });
  return [...texts].map(
    ([text, names]) => `          ${text}${texts.size > 1 ? `: ${names.join(", ")}` : ""}`,
  );
}

/** What of the labels a student node keeps on its disk, and what it reads again. */
function storeLines({ student }: RunSpec, { store }: RunPlan): string[] {
  const { bytes, fileBytes, heldBytes, readAgainBytes } = store;
  const kept = `          about ${megabytes(fileBytes)} on a student node's disk; limit ${megabytes(student.labelStoreBytes)}`;
  if (bytes <= fileBytes) return [kept];
  const most = Math.max(...readAgainBytes);
  const first = readAgainBytes.findIndex((again) => again > 0);
  const since = first > 0 ? `, from epoch ${first + 1} on` : "";
  const upTo = readAgainBytes.slice(first).some((again) => again < most) ? "up to" : "about";
  return [
    `${kept}, of about ${megabytes(bytes)}`,
    first < 0
      ? "          no epoch reads others again: they are of no training sample"
      : `          each training reads ${upTo} ${megabytes(most)} an epoch again from the log${since}, and holds up to ${megabytes(heldBytes)} of it in memory`,
  ];
}

/** What terms look at inside the models, and what that takes. */
function insideLines(
  spec: RunSpec,
  { features, insideBytes }: RunPlan,
  { inputShape, classes }: Dataset,
): string[] {
  if (insideBytes.length === 0) return [];
  const sent = features.flatMap((list, k) =>
    list.map(({ name, form, shape }) => `${spec.teachers[k]?.name}.${name} ${form} [${shape.join(", ")}]`),
  );
  return [
    ...(sent.length > 0 ? [`features  ${sent.join("; ")}`] : []),
    ...studentsOf(spec).flatMap(({ name, student }) => {
      const own = insideBytes.filter((one) => one.student === name);
      if (own.length === 0) return [];
      const of = name === undefined ? "" : ` ${name}`;
      const layers = [...layerShapes(student.model, inputShape, classes)];
      const total = own.reduce((sum, { step, memory }) => sum + step + memory, 0);
      return [
        `terms     that look inside or remember, and what they take at most in each training${of && ` of${of}`}`,
        ...own.map(
          ({ name, step, memory }) =>
            `          ${name.padEnd(48)} ${megabytes(step).padStart(9)} a step${memory > 0 ? `, ${megabytes(memory)} remembered` : ""}`,
        ),
        `          together ${megabytes(total)}; limit ${megabytes(student.maxTermBytes)}`,
        `layers    of the student${of}: ${layers.map(([name, shape]) => `${name} [${shape.join(", ")}]`).join(", ")}`,
      ];
    }),
  ];
}

/** How often samples are labelled, and in which epochs students see what. */
function viewLines(spec: RunSpec): string[] {
  const { views } = spec;
  if (!views) return [];
  const steps = views.recipe.map(({ kind }) => kind).join(", ");
  const labelled = labelledViews(spec);
  const count =
    views.count === "fresh" ? "a fresh one each epoch" : `${views.count} in turn, the first as it is`;
  return [
    `views     of each sample: ${count} (${steps}); teachers label ${labelled === 1 ? "the sample itself" : `${labelled} of them`}`,
  ];
}

/** When a run goes on without some teachers, and what of it only chance decides. */
function quorumLines({ ensemble: { quorum }, teachers }: RunSpec): string[] {
  if (quorum === "all") return [];
  return [
    `quorum    ${quorum.teachers} of ${teachers.length} teachers, ${quorum.deadlineS} s after a chunk's first answer; below that its samples are learnt from their labels alone`,
    "          which teachers are late is left to chance: two runs of this spec may use other labels and give other weights; all students of one run use the same",
  ];
}

/** What the loss is not given exactly, term by term: by the rule, and by how each teacher's answers are stored. */
function approximations(spec: RunSpec): string[] {
  return [...new Set(studentsOf(spec).flatMap((one) => approximationsOf(spec, specOf(spec, one))))];
}

/** @param of the spec with that student alone */
function approximationsOf(spec: RunSpec, of: RunSpec): string[] {
  const { data, distill, ensemble, teachers } = of;
  if (data.task !== undefined && data.task !== "classification") return [];
  const terms = termsOf(distill).filter(({ kind }) => termNeeds[kind].teachers);
  const found = terms.flatMap((term) => {
    const source = sourceOf(term, ensemble.rule, teachers.length);
    const rule = exactness("float32", source, caseOf(term));
    const byRule = rule.grade === "approximate" ? [`${term.kind} by ${source}: ${rule.why}`] : [];
    return [
      ...byRule,
      ...teachers.flatMap(({ name }, k) => {
        if ("teacher" in term && term.teacher !== undefined && term.teacher !== name) return [];
        const one = ofEncoding[encodingCaseOf(writtenEncoding(spec, k))](source, caseOf(term));
        return one.grade === "approximate"
          ? [`${term.kind}, ${encodingText(encodingOf(spec, k).stored)}: ${one.why}`]
          : [];
      }),
    ];
  });
  const undeclared = teachers.flatMap(({ name }, k) =>
    undeclaredReads(of, k).map(
      ({ what }) =>
        `labels of ${name}, as ${what}: as if all classes beyond the k that are stored had one logit; the report says how far off that is`,
    ),
  );
  return [...found, ...undeclared];
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
