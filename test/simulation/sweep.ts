import { textTable } from "../../cli/view/textTable.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import { smallSpec, trainedTeacher } from "../helpers/smallRun.ts";
import { SimulatedCluster } from "./cluster.ts";
import { calmPlan } from "./faultPlan.ts";
import { RUN } from "./simulate.ts";

export interface SweepPoint {
  readonly teachers: number;
  readonly students: number;
  readonly maxInFlight: number;
}

/** One point of the sweep: what a coordinator does and takes while its run is labelled. */
export interface SweepRow extends SweepPoint {
  readonly chunks: number;
  /** What the nodes could label if they never waited. */
  readonly offeredPerS: number;
  /** Of the simulated clock, while chunks are labelled that were not queued at the start, and all nodes have some. */
  readonly labelledPerS: number;
  readonly coordinatorRequestsPerS: number;
  /** Processor time of this host in the coordinator's own code. */
  readonly coordinatorMsPerChunk: number;
  /** The same in a second of the simulated clock: at 1 it has no time left, on this host. */
  readonly coordinatorBusy: number;
  /** Of the run to its end, for each student. */
  readonly coordinatorMsPerStudent: number;
  /** Processor time of this host for all: nodes, server and the simulation itself. */
  readonly hostMsPerChunk: number;
  readonly hostS: number;
}

const SERVICE_MS = 500;
/** Of nodes that can be at work at once. */
const CHUNKS_PER_NODE = 10;
/** A node pulls two chunks at once; one more waits for it. */
const IN_FLIGHT_PER_NODE = 3;
/** Of a spec that does not say. */
const DEFAULT_IN_FLIGHT = 256;
const FEWEST_CHUNKS = 400;

/** Points from one node to 1,000, with the bound on chunks in flight that specs have by default and with one that grows. */
export function sweepPoints(most: number): SweepPoint[] {
  const nodes = [1, 10, 100, 1000].filter((teachers) => teachers <= most);
  return [
    ...nodes.map((teachers) => ({ teachers, students: 1, maxInFlight: DEFAULT_IN_FLIGHT })),
    ...nodes
      .filter((teachers) => IN_FLIGHT_PER_NODE * teachers > DEFAULT_IN_FLIGHT)
      .map((teachers) => ({ teachers, students: 1, maxInFlight: IN_FLIGHT_PER_NODE * teachers })),
    ...[10, 100].map((students) => ({
      teachers: Math.min(10, most),
      students,
      maxInFlight: DEFAULT_IN_FLIGHT,
    })),
  ];
}

/** Runs one point without faults to its end. */
export async function measurePoint(point: SweepPoint): Promise<SweepRow> {
  const { teachers, students, maxInFlight } = point;
  const chunks = Math.max(FEWEST_CHUNKS, CHUNKS_PER_NODE * Math.min(teachers, maxInFlight));
  const cluster = new SimulatedCluster({
    seed: 1,
    plan: calmPlan,
    spec: sweepSpec(point, chunks),
    run: RUN,
    counts: { coordinator: 1, teacher: teachers, student: 1 },
    teacherTimes: () => ({ predictMs: () => SERVICE_MS, stepMs: () => 100 }),
    stepMs: () => 100,
    measured: "coordinator-1",
  });
  const startedUs = process.cpuUsage();
  cluster.start();
  const until = async (reached: () => boolean): Promise<Snapshot> => {
    while (!cluster.over && !reached()) {
      if (!(await cluster.clock.step())) throw new Error("the run of the sweep stands still");
    }
    return snapshotOf(cluster);
  };
  const labelled = (): number => cluster.hub.logs.get(streams.labels.name)?.stream.lastSequence ?? 0;
  // While nodes start, and while the last chunks are at few of them, not all are at work.
  const from = await until(() => labelled() >= 0.5 * chunks);
  const to = await until(() => labelled() >= 0.9 * chunks);
  const labelledAll = await until(() => labelled() >= chunks);
  const end = await until(() => false);
  const { user, system } = process.cpuUsage(startedUs);
  await cluster.stop();
  const seconds = (to.atMs - from.atMs) / 1000;
  const between = to.labelled - from.labelled;
  const coordinatorMs = to.coordinatorMs - from.coordinatorMs;
  const hostS = (user + system) / 1e6;
  return {
    ...point,
    chunks,
    offeredPerS: (teachers * 1000) / SERVICE_MS,
    labelledPerS: between / seconds,
    coordinatorRequestsPerS: (to.requests - from.requests) / seconds,
    coordinatorMsPerChunk: coordinatorMs / between,
    coordinatorBusy: coordinatorMs / 1000 / seconds,
    coordinatorMsPerStudent: (end.coordinatorMs - labelledAll.coordinatorMs) / students,
    hostMsPerChunk: (1000 * hostS) / chunks,
    hostS,
  };
}

interface Snapshot {
  readonly atMs: number;
  readonly labelled: number;
  readonly coordinatorMs: number;
  readonly requests: number;
}

function snapshotOf({ clock, hub, trace }: SimulatedCluster): Snapshot {
  return {
    atMs: clock.now(),
    labelled: hub.logs.get(streams.labels.name)?.stream.lastSequence ?? 0,
    coordinatorMs: clock.hostMs,
    requests: trace.counts.get("by coordinator") ?? 0,
  };
}

/** One sample a chunk: to the coordinator a chunk is a subject, whatever it holds. */
function sweepSpec({ students, maxInFlight }: SweepPoint, chunks: number): RunSpec {
  const test = 20;
  return smallSpec(
    {
      name: "sweep",
      seeds: Array.from({ length: students }, (_, seed) => seed),
      baseline: false,
      teachers: [{ ...trainedTeacher("ada"), train: { epochs: 1, batch: chunks, seed: 0 } }],
      student: { model: { arch: "mlp", hidden: [6] }, train: { epochs: 1, batch: 32 } },
      labels: { chunkSize: 1, maxInFlight },
      nodes: { teachers: 1, studentWorkers: students },
    },
    { train: chunks - test, test },
  );
}

const columns: readonly { head: string; of(row: SweepRow): string }[] = [
  { head: "teacher nodes", of: ({ teachers }) => String(teachers) },
  { head: "students", of: ({ students }) => String(students) },
  { head: "maxInFlight", of: ({ maxInFlight }) => String(maxInFlight) },
  { head: "chunks", of: ({ chunks }) => String(chunks) },
  { head: "offered/s", of: ({ offeredPerS }) => offeredPerS.toFixed(0) },
  { head: "labelled/s", of: ({ labelledPerS }) => labelledPerS.toFixed(1) },
  { head: "requests/s", of: ({ coordinatorRequestsPerS }) => coordinatorRequestsPerS.toFixed(0) },
  { head: "ms/student", of: ({ coordinatorMsPerStudent }) => coordinatorMsPerStudent.toFixed(1) },
  { head: "ms/chunk", of: ({ coordinatorMsPerChunk }) => coordinatorMsPerChunk.toFixed(2) },
  { head: "busy", of: ({ coordinatorBusy }) => `${(100 * coordinatorBusy).toFixed(1)}%` },
  { head: "host ms/chunk", of: ({ hostMsPerChunk }) => hostMsPerChunk.toFixed(2) },
  { head: "host s", of: ({ hostS }) => hostS.toFixed(1) },
];

export function sweepTable(rows: readonly SweepRow[]): string {
  const lines = [columns.map(({ head }) => head), ...rows.map((row) => columns.map(({ of }) => of(row)))];
  return textTable(lines, 0);
}

/** Where the coordinator has no time left, between the points that were measured; in words. */
export function saturation(rows: readonly SweepRow[]): string {
  const grown = rows.filter(({ maxInFlight, teachers }) => maxInFlight >= IN_FLIGHT_PER_NODE * teachers);
  const line = grown.filter(({ students }) => students === 1).sort((a, b) => a.teachers - b.teachers);
  const over = line.findIndex(({ coordinatorBusy }) => coordinatorBusy >= 1);
  const last = line.at(-1);
  if (!last) return "nothing was measured";
  if (over < 0) {
    return `Up to ${last.teachers} teacher nodes the coordinator keeps up: it is busy for ${(100 * last.coordinatorBusy).toFixed(0)}% of the time.`;
  }
  const [below, above] = [line[over - 1], line[over] as SweepRow];
  const between = below
    ? below.teachers +
      ((above.teachers - below.teachers) * (1 - below.coordinatorBusy)) /
        (above.coordinatorBusy - below.coordinatorBusy)
    : above.teachers;
  return `The coordinator has no time left from about ${Math.round(between)} teacher nodes on, by a line between ${below?.teachers ?? 0} and ${above.teachers}.`;
}
