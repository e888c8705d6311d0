import { planBatches } from "../shared/compute/planBatches.ts";
import { studentSteps } from "../shared/compute/studentSteps.ts";
import { encodingsOf } from "../shared/config/encodingOf.ts";
import type { RunSpec } from "../shared/config/spec.ts";
import { type RunStudent, specOf, studentOf, studentsOf } from "../shared/config/students.ts";
import type { TrainedTeacherSpec } from "../shared/config/teacherSpec.ts";
import { chunkParts, chunkRows, MAX_PART_BYTES } from "../shared/data/chunks.ts";
import type { Dataset, Shard } from "../shared/data/dataset.ts";
import { outsideFold } from "../shared/data/folds.ts";
import { labelledIds } from "../shared/data/gather.ts";
import { labelOrder, type ViewedChunk } from "../shared/data/labelOrder.ts";
import { dataOfClasses } from "../shared/data/ownClasses.ts";
import { transferSet } from "../shared/data/transferSet.ts";
import { requireViewable } from "../shared/data/views/requireViewable.ts";
import { slides, windowOf } from "../shared/data/views/slidingWindow.ts";
import { labelledViews } from "../shared/data/views/viewSchedule.ts";
import { bridged } from "../shared/distill/ensembles/known.ts";
import { peakBytes, type TermBytes } from "../shared/distill/features/peakBytes.ts";
import { type FeaturePlan, planFeatures } from "../shared/distill/features/planFeatures.ts";
import { selfBytes } from "../shared/distill/selfBytes.ts";
import { termNeeds } from "../shared/distill/termNeeds.ts";
import { termsOfAll } from "../shared/distill/termsOf.ts";
import { StillhouseError } from "../shared/errors.ts";
import { type LabelStorePlan, planLabelStore } from "../shared/labels/planLabelStore.ts";
import { featureBytes, type RowLayout, rowBytes } from "../shared/labels/rowLayout.ts";
import { parameterCount } from "../shared/model/parameterCount.ts";
import { jobsOf } from "../shared/protocol/jobs.ts";
import { requireFineLabels } from "./coarseLabels.ts";

/** Bytes of an envelope around a part's payload, measured on MNIST: keys, digests, node and MessagePack. */
const ENVELOPE_BYTES = 360;

export interface RunPlan {
  /** Chunks that each teacher labels, view by view, in the order of labelling. */
  readonly chunks: readonly ViewedChunk[];
  /** Samples in those chunks. */
  readonly samplesPerTeacher: number;
  /** Teacher passes, in samples, if the log is empty; labels from elsewhere need none. */
  readonly passes: number;
  /** The most that the label log holds of this run at once. */
  readonly labelBytes: number;
  /** What becomes of the labels in a student node. */
  readonly store: LabelStorePlan;
  /** Bytes of one sample's labels, of each teacher. */
  readonly rowBytes: readonly number[];
  /** What each teacher's labels carry beside logits. */
  readonly features: FeaturePlan["layouts"];
  /** What the terms that look inside take at once, in each training. */
  readonly insideBytes: readonly InsideBytes[];
  readonly trainings: readonly PlannedTraining[];
}

export interface InsideBytes extends TermBytes {
  readonly name: string;
  /** Of `moreStudents`, whose. */
  readonly student?: string;
}

export interface PlannedTraining {
  readonly name: string;
  readonly parameters: number | null;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** The spec asks for more than it allows itself. */
export class PlanRefused extends StillhouseError {}

/** What a run does, computed before anything starts. @throws PlanRefused when the labels take more bytes than the spec allows, or its training could not read them as it has to */
export function planRun(spec: RunSpec, dataset: Dataset): RunPlan {
  const encodings = encodingsOf(spec).map(({ stored }) => stored);
  for (const encoding of encodings) requireFineLabels(dataset, encoding);
  const { chunkSize, maxLogBytes } = spec.labels;
  const transfer = transferSet(dataset, spec.data);
  if (spec.views) requireViewable(spec.views, dataset);
  const chunks = labelOrder(transfer, chunkSize, labelledViews(spec));
  const samplesOf = chunks.map(({ shard, chunk }) => {
    const { hash, rows } = dataset.shards[shard] as Shard;
    return chunkRows(hash, rows, chunkSize, chunk).length;
  });
  const samplesPerTeacher = samplesOf.reduce((sum, samples) => sum + samples, 0);
  const passes = samplesPerTeacher * spec.teachers.filter((teacher) => !("labels" in teacher)).length;
  const labels = samplesPerTeacher * spec.teachers.length;
  const { layouts } = planFeatures(spec, dataset);
  const rows = encodings.map((encoding, k) => ({
    encoding,
    classes: dataset.classes,
    features: layouts[k] ?? [],
  }));
  refuseWideRows(spec, rows);
  const stepsPerEpoch = studentSteps(spec, transfer);
  // Of fresh views those between the slowest student and the end of the window are in the log, with the samples themselves.
  const kept = slides(spec) ? windowOf(spec, stepsPerEpoch) + 1 : Number.POSITIVE_INFINITY;
  const keptSamples = samplesOf.filter((_, i) => (chunks[i] as ViewedChunk).view <= kept);
  const labelBytes = rows.reduce((sum, row) => {
    const bytesOf = (samples: number): number =>
      samples * rowBytes(row) + chunkParts(samples, rowBytes(row)).length * ENVELOPE_BYTES;
    return sum + keptSamples.reduce((bytes, samples) => bytes + bytesOf(samples), 0);
  }, 0);
  if (labelBytes > maxLogBytes) {
    throw new PlanRefused(
      `Cannot plan run "${spec.name}" as labels.maxLogBytes is ${maxLogBytes}: the labels of ${labels} samples take about ${labelBytes} bytes; raise it, or choose a smaller encoding`,
      { fields: { labelBytes, maxLogBytes } },
    );
  }
  const store = planLabelStore(spec, transfer, layouts);
  refuseUnreadable(spec, store);
  const { train: trainIds } = dataset.splits;
  refuseOwnClasses(spec, dataset);
  const insideBytes = studentsOf(spec).flatMap((one) => insideBytesOf(spec, one, dataset, transfer));
  const labelled = labelledIds(dataset, trainIds);
  if (labelled.length === 0) refuseWithoutLabels(spec, trainIds.length);
  const trainings: PlannedTraining[] = spec.teachers.flatMap((teacher) =>
    "train" in teacher ? teacherTrainings(teacher, dataset, labelled) : [],
  );
  for (const job of jobsOf(spec)) {
    const { model, train } = studentOf(spec, job.student).student;
    const who = job.student === undefined ? "student" : `student ${job.student}`;
    trainings.push({
      name: `${who}${job.kind === "baseline" ? " alone" : ""}, seed ${job.seed}`,
      parameters: parameterCount(model, dataset.inputShape, dataset.classes),
      epochs: train.epochs,
      stepsPerEpoch: stepsPerEpoch.get(job.student) as number,
    });
  }
  return {
    chunks,
    samplesPerTeacher,
    passes,
    labelBytes,
    store,
    rowBytes: rows.map(rowBytes),
    features: layouts,
    insideBytes,
    trainings,
  };
}

/** @throws PlanRefused for more than the spec allows in one training */
function insideBytesOf(spec: RunSpec, one: RunStudent, dataset: Dataset, transfer: Dataset): InsideBytes[] {
  const { uses } = planFeatures(spec, dataset, one.name);
  const bytes = [
    ...uses.map((use) => ({
      name: `${use.term.kind} of ${use.term.feature} and ${use.term.layer}`,
      ...peakBytes(use, one.student.train.batch, transfer.splits.train.length),
    })),
    ...selfBytes(specOf(spec, one), transfer),
  ];
  refuseTooLarge(spec, bytes);
  return bytes.map((of) => ({ ...of, ...(one.name !== undefined && { student: one.name }) }));
}

/** One, or one a fold. @param known training samples with a label */
function teacherTrainings(
  { name, model, train, crossFit, classes }: TrainedTeacherSpec,
  data: Dataset,
  known: Uint32Array,
): PlannedTraining[] {
  const dataset = classes ? dataOfClasses(data, classes) : data;
  const labelled = classes ? labelledIds(dataset, known) : known;
  const planned = (what: string, ids: Uint32Array): PlannedTraining => ({
    name: what,
    parameters: parameterCount(model, dataset.inputShape, dataset.classes),
    epochs: train.epochs,
    stepsPerEpoch: planBatches(dataset, ids, train).length,
  });
  if (crossFit === undefined) return [planned(`teacher ${name}`, labelled)];
  return Array.from({ length: crossFit }, (_, index) =>
    planned(
      `teacher ${name}, fold ${index + 1} of ${crossFit}`,
      outsideFold(dataset.shards, labelled, { index, of: crossFit }),
    ),
  );
}

/** @throws PlanRefused for teachers that know classes which the data or a split lacks, or that cannot be joined */
function refuseOwnClasses({ name, teachers, ensemble }: RunSpec, dataset: Dataset): void {
  const { classes } = dataset;
  const known = teachers.map((teacher) => ("classes" in teacher ? (teacher.classes ?? null) : null));
  known.forEach((of, k) => {
    const unknown = of?.find((one) => one >= classes);
    if (unknown === undefined) return;
    throw new PlanRefused(
      `Cannot plan run "${name}" as teachers[${k}].classes has class ${unknown}: the data has ${classes}; expected classes from 0 to ${classes - 1}`,
      { fields: { teacher: teachers[k]?.name, class: unknown, classes } },
    );
  });
  teachers.forEach((teacher) => {
    if (!("train" in teacher) || !teacher.classes) return;
    const own = dataOfClasses(dataset, teacher.classes);
    for (const split of ["train", "validation"] as const) {
      if (labelledIds(own, dataset.splits[split]).length > 0) continue;
      const [what, fix] =
        split === "train"
          ? ["training", "give it classes of the data"]
          : ["validation", "raise data.validation, or give it other classes"];
      throw new PlanRefused(
        `Cannot plan run "${name}" as teacher "${teacher.name}" is to be trained on classes [${teacher.classes.join(", ")}]: no ${what} sample has a label of these; ${fix}`,
        { fields: { teacher: teacher.name, classes: teacher.classes, split } },
      );
    }
  });
  if (ensemble.rule !== "bridge" || bridged(known)) return;
  const sets = known.map((of, k) => `${teachers[k]?.name} [${of?.join(", ") ?? "all"}]`).join("; ");
  throw new PlanRefused(
    `Cannot plan run "${name}" as ensemble.rule "bridge" joins teachers through classes that they share: these do not hang together (${sets}); let a teacher know classes of both sides, or take "own-classes"`,
    { fields: { known } },
  );
}

/** @throws PlanRefused for labels of which one sample is larger than a message */
function refuseWideRows({ name, teachers }: RunSpec, rows: readonly RowLayout[]): void {
  for (const [k, row] of rows.entries()) {
    if (rowBytes(row) <= MAX_PART_BYTES) continue;
    const widest = [...row.features].sort((a, b) => featureBytes(b) - featureBytes(a))[0];
    const fix = widest
      ? `its feature "${widest.name}" takes ${featureBytes(widest)} of them: average it (pool), or choose a smaller one`
      : "labels.encoding: half takes fewer, and top-k and sampled take what is asked for";
    throw new PlanRefused(
      `Cannot plan run "${name}" as the labels of one sample by teacher "${teachers[k]?.name}" take ${rowBytes(row)} bytes, and a message holds ${MAX_PART_BYTES}; ${fix}`,
      { fields: { teacher: teachers[k]?.name, bytes: rowBytes(row), most: MAX_PART_BYTES } },
    );
  }
}

/** @throws PlanRefused for labels that do not fit on a student node's disk, and of which its memory could not hold what a step needs */
function refuseUnreadable(
  { name, student }: RunSpec,
  { bytes, heldBytes, readAgainBytes }: LabelStorePlan,
): void {
  const { labelStoreBytes, labelCacheBytes, shuffle, shuffleChunks } = student;
  if (bytes <= labelStoreBytes) return;
  const beyond = `Cannot plan run "${name}" as its labels take about ${bytes} bytes, of which student.labelStoreBytes lets a student node keep ${labelStoreBytes}`;
  if (shuffle === "all" && readAgainBytes.length > 1) {
    throw new PlanRefused(
      `${beyond}: later epochs over all samples would read nearly all others again for each step; raise it, set student.shuffle to windows, or choose a smaller encoding`,
      { fields: { labelBytes: bytes, labelStoreBytes, shuffle } },
    );
  }
  if (heldBytes > labelCacheBytes) {
    throw new PlanRefused(
      `${beyond}: what a training reads again ahead of its steps, up to two windows of ${shuffleChunks} chunks, takes ${heldBytes} bytes, and student.labelCacheBytes is ${labelCacheBytes}; raise one of the two, lower student.shuffleChunks, or choose a smaller encoding`,
      { fields: { labelBytes: bytes, labelStoreBytes, heldBytes, labelCacheBytes, shuffleChunks } },
    );
  }
}

/** @throws PlanRefused for terms that together take more memory than the spec allows */
function refuseTooLarge({ name, student: { maxTermBytes } }: RunSpec, terms: RunPlan["insideBytes"]): void {
  const total = terms.reduce((sum, { step, memory }) => sum + step + memory, 0);
  if (total <= maxTermBytes) return;
  const list = terms.map((term) => `${term.name} ${term.step + term.memory}`).join(", ");
  throw new PlanRefused(
    `Cannot plan run "${name}" as student.maxTermBytes is ${maxTermBytes}: its terms take up to ${total} bytes at once in each training (${list}); take a smaller batch, fewer or shared negatives, or raise it`,
    { fields: { maxTermBytes, total, terms } },
  );
}

/** @throws PlanRefused for terms that need true labels, where none of the training samples has one */
function refuseWithoutLabels(spec: RunSpec, samples: number): void {
  const { name, baseline } = spec;
  const needing = termsOfAll(spec)
    .filter(({ kind }) => termNeeds[kind].labels)
    .map(({ kind }) => kind);
  if (needing.length === 0 && !baseline) return;
  const who = needing.length > 0 ? `the terms [${needing.join(", ")}] of distill` : "baseline: true";
  throw new PlanRefused(
    `Cannot plan run "${name}" as ${who} need true labels: none of the ${samples} training samples has one; use terms that learn from teachers alone, and baseline: false`,
    { fields: { needing, samples } },
  );
}
