import type { Dataset } from "../shared/data/dataset.ts";
import { scoreUnit, type Targets } from "../shared/data/targets.ts";
import { assembleTaskReport, type TaskSeedFacts } from "../shared/evaluate/assembleTaskReport.ts";
import { scoreKinds } from "../shared/evaluate/score.ts";
import type { ScoredPoint, TaskReport } from "../shared/evaluate/taskReportSchema.ts";
import { type JobKey, type JobResult, jobName, type TaskEvaluation } from "../shared/protocol/jobs.ts";
import { readResults } from "./awaitStudents.ts";
import type { CoordinatorContext } from "./context.ts";
import { resultOf, runFacts, studentFacts, teacherFacts } from "./runFacts.ts";

/** Gathers what a run of a task that is not classification left in the stores and makes the report of it. */
export async function makeTaskReport(
  context: CoordinatorContext,
  evaluation: TaskEvaluation,
): Promise<TaskReport> {
  const { store, dataset } = context;
  const { spec } = store.record;
  const results = await readResults(context);
  const { ensembleAnswersBy, scales } = evaluation;
  const weightSum = scales.weights.reduce((a, b) => a + b, 0);
  const { samples, ...data } = dataFacts(dataset, evaluation.task);
  return assembleTaskReport({
    ...(await runFacts(context, evaluation, results)),
    task: evaluation.task,
    score: { ...scoreKinds[evaluation.task], unit: unitOf(dataset.targets) },
    data: { ...data, samples },
    teachers: (await teacherFacts(context)).map((facts, k) => {
      const tested = evaluation.teachers[k];
      if (!tested) throw new RangeError(`Cannot report on teacher "${facts.name}": it was not evaluated`);
      return { ...facts, ...tested };
    }),
    ensemble: {
      rule: spec.ensemble.rule,
      answersBy: ensembleAnswersBy,
      weights: scales.weights.map((weight) => weight / weightSum),
      temperatures: scales.temperatures,
      ...evaluation.ensemble,
    },
    ...studentFacts(spec, evaluation, results, (job, alone): TaskSeedFacts => {
      const student = seedOf(evaluation, results, job);
      const baseline = alone && seedOf(evaluation, results, alone);
      return {
        seed: job.seed,
        student: student.result,
        baseline: baseline?.result ?? null,
        perSample: baseline && { student: student.perSample, baseline: baseline.perSample },
      };
    }),
  });
}

function dataFacts({ name, hash, classes, splits, targets }: Dataset, task: TaskEvaluation["task"]) {
  const { train, validation, test } = splits;
  return {
    name,
    hash,
    outputs: classes,
    scale:
      task === "regression" && targets
        ? { mean: [...targets.scale.mean], deviation: [...targets.scale.deviation] }
        : null,
    samples: { train: train.length, validation: validation.length, test: test.length },
  };
}

function unitOf(targets: Targets | undefined): string {
  if (targets?.task !== "regression") return "";
  const plain = scoreUnit(targets).every((unit) => unit === 1);
  return plain ? "the data's unit" : "deviations of the training split, as outputs differ in their units";
}

function seedOf(evaluation: TaskEvaluation, results: ReadonlyMap<string, JobResult>, job: JobKey) {
  const found = evaluation.seeds.find((one) => jobName(one.job) === jobName(job));
  if (!found) throw new RangeError(`Cannot report on ${jobName(job)}: it was not evaluated`);
  const { weightsHash, keptEpoch, seconds, waitSeconds, steps, curve, lineage } = resultOf(results, job);
  const training = { weightsHash, keptEpoch, seconds, waitSeconds, steps, lineage };
  const points = curve.filter((point): point is ScoredPoint => "validationScore" in point);
  const { metrics, score } = found;
  return { result: { metrics, score, ...training, curve: points }, perSample: floatsOf(found.perSample) };
}

/** float32, little-endian, at any alignment. */
function floatsOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(i * 4, true));
}
