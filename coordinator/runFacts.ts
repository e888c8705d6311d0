import { cpus } from "node:os";
import type { Bus } from "../shared/bus/bus.ts";
import { readNumerics } from "../shared/cluster/numerics.ts";
import type { RunSpec } from "../shared/config/spec.ts";
import { type RunStudent, studentsOf } from "../shared/config/students.ts";
import { decode } from "../shared/protocol/codec.ts";
import {
  type AnyEvaluation,
  baselineOf,
  Counter,
  type JobKey,
  type JobResult,
  jobName,
  studentJob,
  TrainedTeacher,
} from "../shared/protocol/jobs.ts";
import { buckets, jobKeys } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";

/** What a report says of a run whatever its task. */
export async function runFacts(
  context: CoordinatorContext,
  evaluation: Pick<AnyEvaluation, "labelBytes" | "labelMessages" | "readAgain">,
  results: ReadonlyMap<string, JobResult>,
) {
  const { bus, store, clock, membership } = context;
  const record = store.record;
  const { spec, run } = record;
  const counted = await (await bus.kv(buckets.jobs)).get(jobKeys.testReads(run));
  const passes = record.passes ?? { needed: 0, found: 0, imported: 0 };
  const labelled = passes.needed + passes.imported;
  const nodes = membership.heard("teacher");
  return {
    name: spec.name,
    run,
    createdAt: new Date(clock.now()).toISOString(),
    specHash: record.specHash,
    spec,
    bus: { kind: bus.kind, ...(context.busNote === undefined ? {} : { note: context.busNote }) },
    machine: {
      platform: process.platform,
      arch: process.arch,
      cpus: cpus().length,
      node: process.version,
    },
    backends: [...new Set([...results.values()].map(({ backend }) => backend))],
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
    labelLog: {
      bytes: evaluation.labelBytes,
      messages: evaluation.labelMessages,
      ...(evaluation.readAgain.messages > 0 && { readAgain: evaluation.readAgain }),
    },
  };
}

/** What a report says of each teacher whatever the task, in the order of the spec. */
export function teacherFacts({ bus, store }: CoordinatorContext) {
  return Promise.all(
    store.record.teachers.map(async ({ name, source, recipes, ready }) => {
      if (!ready) throw new RangeError(`Cannot report on teacher "${name}": it is not there`);
      const numerics = await readNumerics(bus, ready.labelling);
      return {
        name,
        parameters: ready.parameters,
        bytes: ready.bytes,
        identity: ready.identity,
        labelling: ready.labelling,
        source,
        trainSeconds: source === "trained" ? await trainSeconds(bus, recipes) : null,
        folds: ready.model?.folds ?? null,
        outputWasProbabilities: ready.output === "probabilities" || ready.output === "sigmoids",
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

/**
 * What a report says of a run's students whatever the task: of its own, and of the others where there are some.
 * @param seedFacts of a student and of the student alone, null where none is trained
 */
export function studentFacts<S>(
  spec: RunSpec,
  { latencies }: Pick<AnyEvaluation, "latencies">,
  results: ReadonlyMap<string, JobResult>,
  seedFacts: (student: JobKey, baseline: JobKey | null) => S,
) {
  const factsOf = ({ name, seeds }: RunStudent) => {
    const jobs = seeds.map((seed) => studentJob(name, seed));
    const { parameters, artifactBytes } = resultOf(results, jobs[0] as JobKey);
    const latencyMs = latencies.find(({ student }) => student === name)?.latency ?? null;
    return {
      student: { parameters, bytes: artifactBytes, latencyMs },
      seeds: jobs.map((job) => seedFacts(job, spec.baseline ? baselineOf(spec, job) : null)),
    };
  };
  const [own, ...others] = studentsOf(spec);
  const moreStudents = others.map((one) => ({ name: one.name as string, ...factsOf(one) }));
  return { ...factsOf(own as RunStudent), ...(moreStudents.length > 0 && { moreStudents }) };
}

export function resultOf(results: ReadonlyMap<string, JobResult>, job: JobKey): JobResult {
  const result = results.get(jobName(job));
  if (!result) throw new RangeError(`Cannot report on ${jobName(job)}: it has no result`);
  return result;
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
