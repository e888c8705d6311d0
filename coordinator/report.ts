import type { Bus } from "../shared/bus/bus.ts";
import { assembleReport, type SeedFacts } from "../shared/evaluate/assembleReport.ts";
import { discordantPairs } from "../shared/evaluate/mcnemar.ts";
import type { CurvePoint, SeedResult, TeacherReport } from "../shared/evaluate/reportSchema.ts";
import { AnyReport } from "../shared/evaluate/taskReportSchema.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import {
  type AnyEvaluation,
  type Evaluation,
  type JobKey,
  type JobResult,
  jobName,
} from "../shared/protocol/jobs.ts";
import { buckets, jobKeys } from "../shared/protocol/subjects.ts";
import { readResults } from "./awaitStudents.ts";
import type { CoordinatorContext } from "./context.ts";
import { resultOf, runFacts, studentFacts, teacherFacts } from "./runFacts.ts";
import { storageReport } from "./storageReport.ts";
import { makeTaskReport } from "./taskReport.ts";

/** Gathers what the run left in the stores and makes the report of it. */
export async function makeReport(context: CoordinatorContext, evaluation: AnyEvaluation): Promise<AnyReport> {
  if (evaluation.type === "task-evaluation") return makeTaskReport(context, evaluation);
  const { store, dataset } = context;
  const { spec } = store.record;
  const results = await readResults(context);
  const { weights, temperatures } = evaluation.scales;
  const weightSum = weights.reduce((a, b) => a + b, 0);
  const teachers = await teacherReports(context, evaluation);
  return assembleReport({
    ...(await runFacts(context, evaluation, results)),
    data: {
      name: dataset.name,
      hash: dataset.hash,
      classes: dataset.classes,
      samples: {
        train: dataset.splits.train.length,
        validation: dataset.splits.validation.length,
        test: dataset.splits.test.length,
      },
    },
    teachers,
    ensemble:
      teachers.length > 0
        ? {
            rule: spec.ensemble.rule,
            answersBy: evaluation.ensembleAnswersBy,
            weights: weights.map((weight) => weight / weightSum),
            temperatures,
            disagreement: evaluation.disagreement,
            quorum: evaluation.quorum,
            testSamples: evaluation.ensembleTestSamples,
            accuracy: evaluation.ensemble?.accuracy ?? null,
            nll: evaluation.ensemble?.nll ?? null,
            ece: evaluation.ensemble?.ece ?? null,
          }
        : null,
    ...studentFacts(spec, evaluation, results, (job, alone): SeedFacts => {
      const student = tested(evaluation, job);
      const baseline = alone && tested(evaluation, alone);
      return {
        seed: job.seed,
        student: seedResult(resultOf(results, student.job), student),
        baseline: baseline && seedResult(resultOf(results, baseline.job), baseline),
        discordant: baseline && discordantPairs(student.correct, baseline.correct),
      };
    }),
  });
}

async function teacherReports(context: CoordinatorContext, evaluation: Evaluation): Promise<TeacherReport[]> {
  const { temperatures } = evaluation.scales;
  const storage = await Promise.all(
    temperatures.map((temperature, k) => storageReport(context, k, temperature)),
  );
  return (await teacherFacts(context)).map((facts, k) => {
    const tested = evaluation.teachers[k];
    if (!tested) throw new RangeError(`Cannot report on teacher "${facts.name}": it was not evaluated`);
    const { testSamples, metrics, quality } = tested;
    return {
      ...facts,
      testSamples,
      accuracy: metrics?.accuracy ?? null,
      nll: metrics?.nll ?? null,
      ece: metrics?.ece ?? null,
      storage: storage[k] as TeacherReport["storage"],
      quality,
    };
  });
}

function tested(evaluation: Evaluation, job: JobKey): Evaluation["seeds"][number] {
  const found = evaluation.seeds.find((one) => jobName(one.job) === jobName(job));
  if (!found) throw new RangeError(`Cannot report on ${jobName(job)}: it was not evaluated`);
  return found;
}

function seedResult(result: JobResult, { metrics, exits }: Evaluation["seeds"][number]): SeedResult {
  const { weightsHash, keptEpoch, seconds, waitSeconds, steps, lineage, correctedBias, peers } = result;
  const curve = result.curve.filter((point): point is CurvePoint => "validationAccuracy" in point);
  return {
    ...metrics,
    weightsHash,
    keptEpoch,
    seconds,
    waitSeconds,
    ...(correctedBias && { correctedBias }),
    steps,
    curve,
    lineage,
    ...(exits && { exits }),
    ...(peers && { peers }),
  };
}

export async function storeReport(bus: Bus, report: AnyReport): Promise<void> {
  const jobs = await bus.kv(buckets.jobs);
  await jobs.put(jobKeys.report(report.run), encode(AnyReport, report));
}

/** The report of a run that is done. */
export async function readReport(bus: Bus, run: string): Promise<AnyReport | undefined> {
  const entry = await (await bus.kv(buckets.jobs)).get(jobKeys.report(run));
  return entry && decode(AnyReport, entry.value, `report of ${run}`);
}
