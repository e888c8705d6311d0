import type { RunSpec } from "../../shared/config/spec.ts";
import { openDataset } from "../../shared/data/open.ts";
import { messageOf } from "../../shared/errors.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Heartbeat } from "../../shared/protocol/presence.ts";
import { RunRecord } from "../../shared/protocol/run.ts";
import { buckets, PRESENCE_TTL_MS, streams } from "../../shared/protocol/subjects.ts";
import { smallSpec, trainedTeacher } from "../helpers/smallRun.ts";
import { settled } from "./clock.ts";
import { type ClusterOptions, SimulatedCluster } from "./cluster.ts";
import { calmPlan, drawPlan, type FaultPlan } from "./faultPlan.ts";
import { type FinalState, readFinalState, requireSame } from "./finalState.ts";
import { Violation, Watch } from "./watch.ts";

/** Into which a run's data is divided. */
type Chunks = "few" | "many";
/** Every fourth seed has many. */
const chunksOf = (seed: number): Chunks => (seed % 4 === 0 ? "many" : "few");

/** A run that is not over by then hangs: faults end in the first two minutes. */
const LIMIT_MS = 600_000;
export const RUN = "r1";

/**
 * Two teachers that are trained, two students and two students alone: 200 and 50 rows in chunks of 16 are 13 and 4, for
 * each teacher, each asked for alone, or `many` of 4 are 50 and 13, asked for several at a time; 12 steps a training, of 32 samples, with checkpoints after 4 and 8 and 12; another student, and that one alone,
 * of 27 steps of 20 samples. Of the labels the student node keeps ten of 34 parts, and reads the others again.
 */
function simulatedSpec(chunks: Chunks): RunSpec {
  const plain = smallSpec();
  return smallSpec({
    name: "simulated",
    seeds: [1, 2],
    baseline: true,
    teachers: [trainedTeacher("ada"), trainedTeacher("bea")],
    student: {
      ...plain.student,
      checkpointSteps: 4,
      shuffle: "windows",
      shuffleChunks: 2,
      labelStoreBytes: 10 * 16 * 4 * 2,
    },
    moreStudents: [{ name: "longer", train: { ...plain.student.train, epochs: 3, batch: 20 }, seeds: [2] }],
    labels: chunks === "few" ? { chunkSize: 16, maxInFlight: 4 } : { chunkSize: 4, maxInFlight: 48 },
    nodes: { teachers: 1, studentWorkers: 2 },
  });
}

export interface Simulated {
  readonly seed: number;
  readonly plan: FaultPlan;
  /** What went wrong; absent: nothing. */
  readonly failure?: string;
  readonly struck: readonly string[];
  readonly lastLines: readonly string[];
  readonly logged: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  readonly traceDigest: string;
  readonly traceLines: number;
  /** Of the simulated clock, until the run was over. */
  readonly simulatedMs: number;
  readonly events: number;
  readonly fences: readonly number[];
  readonly mostInFlight: number;
  readonly state?: FinalState;
}

/** What a calm run comes to. */
export type CalmStates = Readonly<Record<Chunks, FinalState>>;

export interface SimulateOptions extends Pick<ClusterOptions, "breakBus" | "makeStudent" | "onLine"> {
  readonly plan?: FaultPlan;
  /** What the run must come to; absent: nobody compares. */
  readonly calm?: CalmStates;
  /** Absent: as the seed has it. */
  readonly chunks?: Chunks;
}

/** Runs one seed to the end of its run, or to what is wrong with it. Never rejects. */
export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Simulated> {
  const { plan = drawPlan(seed), calm, chunks = chunksOf(seed), ...inside } = options;
  const spec = simulatedSpec(chunks);
  const counts = { coordinator: 2, teacher: 3, student: 2 };
  const cluster = new SimulatedCluster({ seed, plan, spec, run: RUN, counts, ...inside });
  const watch = new Watch(cluster.hub, spec.labels.maxInFlight, cluster.trace.queued);
  let failure: string | undefined;
  let state: FinalState | undefined;
  let simulatedMs = 0;
  try {
    await runToEnd(cluster, watch);
    simulatedMs = cluster.clock.now();
    await cluster.stop();
    requireNothingLeft(cluster);
    const { splits } = await openDataset(spec.data, "/");
    state = readFinalState(cluster.hub, spec, RUN, splits.train.length);
    const lost = plan.faults.some(({ action }) => action.kind === "lose labels");
    if (calm) requireSame(state, calm[chunks], lost);
  } catch (error) {
    failure = messageOf(error);
    if (!(error instanceof Violation)) failure += `\n${error instanceof Error ? error.stack : ""}`;
    simulatedMs ||= cluster.clock.now();
    await cluster.stop().catch(() => undefined);
  }
  return {
    seed,
    plan,
    ...(failure === undefined ? {} : { failure }),
    struck: cluster.faults.struck,
    lastLines: [...cluster.trace.last],
    logged: [...cluster.logged],
    counts: cluster.trace.counts,
    traceDigest: cluster.trace.digest(),
    traceLines: cluster.trace.lines,
    simulatedMs,
    events: cluster.clock.events,
    fences: watch.fences,
    mostInFlight: watch.mostInFlight,
    ...(state ? { state } : {}),
  };
}

/** What every seed must come to. @throws Error where not even a calm run does */
export async function simulateCalm(): Promise<CalmStates> {
  const stateOf = async (chunks: Chunks): Promise<FinalState> => {
    const { state, failure, logged } = await simulate(0, { plan: calmPlan, chunks });
    if (!state) throw new Error(`a run without faults failed: ${failure}\n${logged.join("\n")}`);
    return state;
  };
  return { few: await stateOf("few"), many: await stateOf("many") };
}

async function runToEnd(cluster: SimulatedCluster, watch: Watch): Promise<void> {
  cluster.start();
  await settled();
  while (!cluster.over) {
    if (!(await cluster.clock.step(LIMIT_MS))) {
      throw new Violation(
        `the run is not over after ${LIMIT_MS} ms:\n  ${whereItStands(cluster).join("\n  ")}`,
      );
    }
    watch.look();
    const [ended] = cluster.endedByThemselves();
    if (ended) throw new Violation(ended);
  }
}

/** Who does what, and what is there: where a run that hangs has stopped. */
function whereItStands(cluster: SimulatedCluster): string[] {
  const { hub, clock } = cluster;
  const entries = (bucket: string) => hub.buckets.get(bucket)?.stream.select(() => true) ?? [];
  const beats = entries(buckets.heartbeats)
    .filter(({ deleted, at }) => !deleted && clock.now() - at < PRESENCE_TTL_MS)
    .map(({ data, subject }) => `${subject} does: ${decode(Heartbeat, data, subject).doing}`);
  const runs = entries(buckets.runs).map(({ data, subject }) => {
    const { state, fence, labelledAtMs } = decode(RunRecord, data, subject);
    return `run ${subject} is ${state}, by fence ${fence}, labelled at ${labelledAtMs}`;
  });
  const work = hub.queues.get(streams.work.name)?.stream.select(() => true) ?? [];
  const jobs = entries(buckets.jobs).filter(({ deleted }) => !deleted);
  const labels = hub.logs.get(streams.labels.name)?.stream.size().messages;
  return [
    ...cluster.describe(),
    ...beats,
    ...runs,
    `work: ${work.map(({ subject }) => subject).join(" ") || "none"}`,
    `labels: ${labels}`,
    `jobs: ${jobs.map(({ subject }) => subject).join(" ")}`,
  ];
}

function requireNothingLeft({ clock, hub, errors }: SimulatedCluster): void {
  if (errors.length > 0) throw new Violation(`callbacks threw: ${errors.map(messageOf).join("; ")}`);
  if (clock.waiting > 0) throw new Violation(`${clock.waiting} timers are left behind`);
  for (const bucket of [buckets.heartbeats, buckets.leases]) {
    const state = hub.buckets.get(bucket);
    const live = state?.stream
      .select(() => true)
      .filter(({ deleted, at }) => !deleted && clock.now() - at < (state.ttlMs ?? 0));
    if (live?.length) throw new Violation(`left behind in ${bucket}: ${live.map(({ subject }) => subject)}`);
  }
}
