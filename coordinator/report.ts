import { cpus } from "node:os";
import type { Bus } from "../shared/bus/bus.ts";
import { readNumerics } from "../shared/cluster/numerics.ts";
import { assembleReport } from "../shared/evaluate/assembleReport.ts";
import { discordantPairs } from "../shared/evaluate/mcnemar.ts";
import { Report, type SeedResult, type TeacherReport } from "../shared/evaluate/reportSchema.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import {
  Counter,
  type Evaluation,
  type JobKey,
  type JobResult,
  jobName,
  TrainedTeacher,
} from "../shared/protocol/jobs.ts";
import { buckets, jobKeys } from "../shared/protocol/subjects.ts";
import { readResults } from "./awaitStudents.ts";
import type { CoordinatorContext } from "./context.ts";

/** Gathers what the run left in the stores and makes the report of it. */
export async function makeReport(context: CoordinatorContext, evaluation: Evaluation): Promise<Report> {
  const { bus, store, dataset, clock, membership } = context;
  const record = store.record;
  const { spec, run } = record;
  const results = await readResults(context);
  const counted = await (await bus.kv(buckets.jobs)).get(jobKeys.testReads(run));
  const { weights, temperatures } = evaluation.scales;
  const weightSum = weights.reduce((a, b) => a + b, 0);
  const first = resultOf(results, { kind: "student", seed: spec.seeds[0] as number });
  const passes = record.passes ?? { needed: 0, found: 0, imported: 0 };
  const labelled = passes.needed + passes.imported;
  const nodes = membership.heard("teacher");
  const teachers = await teacherReports(context, evaluation);
  return assembleReport({
    name: spec.name,
    run,
    createdAt: new Date(clock.now()).toISOString(),
    specHash: record.specHash,
    spec,
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
    bus: { kind: bus.kind, ...(context.busNote === undefined ? {} : { note: context.busNote }) },
    machine: {
      platform: process.platform,
      arch: process.arch,
      cpus: cpus().length,
      node: process.version,
    },
    backends: [...new Set([...results.values()].map(({ backend }) => backend))],
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
    student: { parameters: first.parameters, bytes: first.artifactBytes, latencyMs: evaluation.latency },
    seeds: spec.seeds.map((seed) => {
      const student = tested(evaluation, { kind: "student", seed });
      const baseline = spec.baseline ? tested(evaluation, { kind: "baseline", seed }) : null;
      return {
        seed,
        student: seedResult(resultOf(results, student.job), student.metrics),
        baseline: baseline && seedResult(resultOf(results, baseline.job), baseline.metrics),
        discordant: baseline && discordantPairs(student.correct, baseline.correct),
      };
    }),
    testReads: counted ? decode(Counter, counted.value, `test reads of ${run}`).count : 0,
    teacherPasses: { made: passes.needed - passes.found, saved: passes.found },
    teacherNodes: nodes.map(({ node, samplesPredicted, chunksLabelled }) => ({
      node,
      samplesPredicted,
      chunks: chunksLabelled,
    })),
    secondsByPhase: phases(context),
    totalSeconds: (clock.now() - record.createdAtMs) / 1000,
    bytesPerSampleOnTheWire: labelled > 0 ? evaluation.labelBytes / labelled : 0,
    labelLog: { bytes: evaluation.labelBytes, messages: evaluation.labelMessages },
  });
}

async function teacherReports(
  { bus, store }: CoordinatorContext,
  evaluation: Evaluation,
): Promise<TeacherReport[]> {
  return Promise.all(
    store.record.teachers.map(async ({ name, source, recipes, ready }, k) => {
      const tested = evaluation.teachers[k];
      if (!ready || !tested) throw new RangeError(`Cannot report on teacher "${name}": it was not evaluated`);
      const numerics = await readNumerics(bus, ready.labelling);
      return {
        name,
        testSamples: tested.testSamples,
        accuracy: tested.metrics?.accuracy ?? null,
        nll: tested.metrics?.nll ?? null,
        ece: tested.metrics?.ece ?? null,
        parameters: ready.parameters,
        bytes: ready.bytes,
        identity: ready.identity,
        labelling: ready.labelling,
        source,
        trainSeconds: source === "trained" ? await trainSeconds(bus, recipes) : null,
        folds: ready.model?.folds ?? null,
        outputWasProbabilities: ready.output === "probabilities",
        quality: tested.quality,
        quantised: numerics.find(({ quantised }) => quantised)?.quantised ?? null,
        computers: numerics.flatMap(({ computer, tolerated }) => [
          { ...computer, difference: 0 },
          ...tolerated.map((one) => ({ ...one.computer, difference: one.difference })),
        ]),
      };
    }),
  );
}

/** Over all folds; null where the store has forgotten one. */
async function trainSeconds(bus: Bus, recipes: readonly string[]): Promise<number | null> {
  const trained = await bus.kv(buckets.recipes);
  let seconds = 0;
  for (const recipe of recipes) {
    const entry = await trained.get(recipe);
    if (!entry) return null;
    seconds += decode(TrainedTeacher, entry.value, `trained teacher ${recipe}`).seconds;
  }
  return seconds;
}

function resultOf(results: ReadonlyMap<string, JobResult>, job: JobKey): JobResult {
  const result = results.get(jobName(job));
  if (!result) throw new RangeError(`Cannot report on ${jobName(job)}: it has no result`);
  return result;
}

function tested(evaluation: Evaluation, job: JobKey): Evaluation["seeds"][number] {
  const found = evaluation.seeds.find((one) => jobName(one.job) === jobName(job));
  if (!found) throw new RangeError(`Cannot report on ${jobName(job)}: it was not evaluated`);
  return found;
}

function seedResult(result: JobResult, metrics: Evaluation["seeds"][number]["metrics"]): SeedResult {
  const { weightsHash, keptEpoch, seconds, waitSeconds, steps, curve, lineage, correctedBias, peers } =
    result;
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
    ...(peers && { peers }),
  };
}

/** Seconds from the first entry of each state to that of the next; labelling ends on its own, inside distilling. */
function phases({ store, clock }: CoordinatorContext): Record<string, number> {
  const { enteredAtMs, labelledAtMs } = store.record;
  const { teaching, distilling, evaluating } = enteredAtMs;
  const seconds = (from: number | undefined, to: number | undefined): number =>
    from === undefined || to === undefined ? 0 : Math.max(0, to - from) / 1000;
  return {
    teacherTraining: seconds(teaching, distilling),
    labelling: seconds(distilling, labelledAtMs ?? undefined),
    studentTraining: seconds(distilling, evaluating),
    evaluation: seconds(evaluating, clock.now()),
  };
}

export async function storeReport(bus: Bus, report: Report): Promise<void> {
  const jobs = await bus.kv(buckets.jobs);
  await jobs.put(jobKeys.report(report.run), encode(Report, report));
}

/** The report of a run that is done. */
export async function readReport(bus: Bus, run: string): Promise<Report | undefined> {
  const entry = await (await bus.kv(buckets.jobs)).get(jobKeys.report(run));
  return entry && decode(Report, entry.value, `report of ${run}`);
}
