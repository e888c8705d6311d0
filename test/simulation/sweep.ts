import type { RunSpec } from "../../shared/config/spec.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { RunRecord } from "../../shared/protocol/run.ts";
import { buckets } from "../../shared/protocol/subjects.ts";
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
  /** Of the simulated clock, from the first state in which chunks are asked for to the last label. */
  readonly labellingS: number;
  /** What the nodes could label if they never waited. */
  readonly offeredPerS: number;
  readonly labelledPerS: number;
  readonly coordinatorRequestsPerS: number;
  /** Processor time of this host in the coordinator's own code. */
  readonly coordinatorMsPerChunk: number;
  /** The same in a second of the simulated clock: at 1 it has no time left, on this host. */
  readonly coordinatorBusy: number;
  /** Processor time of this host for all: nodes, server and the simulation itself. */
  readonly hostMsPerChunk: number;
  readonly hostS: number;
}

const SERVICE_MS = 500;
const CHUNKS_PER_NODE = 8;
const FEWEST_CHUNKS = 400;

/** Points from one node to 1,000, with the bound on chunks in flight that specs have by default and with one that grows. */
export function sweepPoints(most: number): SweepPoint[] {
  const nodes = [1, 10, 100, 1000].filter((teachers) => teachers <= most);
  return [
    ...nodes.map((teachers) => ({ teachers, students: 1, maxInFlight: 64 })),
    ...nodes
      .filter((teachers) => teachers > 16)
      .map((teachers) => ({ teachers, students: 1, maxInFlight: 4 * teachers })),
    ...[10, 100].map((students) => ({ teachers: Math.min(10, most), students, maxInFlight: 64 })),
  ];
}

/** Runs one point without faults until its labels are there, or, of several students, to its end. */
export async function measurePoint(point: SweepPoint): Promise<SweepRow> {
  const { teachers, students } = point;
  const chunks = Math.max(FEWEST_CHUNKS, CHUNKS_PER_NODE * teachers);
  const cluster = new SimulatedCluster({
    seed: 1,
    plan: calmPlan,
    spec: sweepSpec(point, chunks),
    run: RUN,
    counts: { coordinator: 1, teacher: teachers, student: 1 },
    teacherTimes: () => ({ predictMs: () => SERVICE_MS, stepMs: () => 100 }),
    stepMs: () => 100,
    measured: true,
  });
  const startedAt = performance.now();
  cluster.start();
  const until = async (reached: (record: RunRecord) => boolean): Promise<Snapshot> => {
    while (!cluster.over) {
      if (!(await cluster.clock.step())) throw new Error("the run of the sweep stands still");
      const record = changedRecord(cluster);
      if (record && reached(record)) break;
    }
    return snapshotOf(cluster);
  };
  const from = await until(({ state }) => state === "distilling");
  const to = await until(({ labelledAtMs, state }) =>
    students === 1 ? labelledAtMs !== null : state === "done",
  );
  const hostS = (performance.now() - startedAt) / 1000;
  await cluster.stop();
  const labellingS = (to.atMs - from.atMs) / 1000;
  const coordinatorMs = to.coordinatorMs - from.coordinatorMs;
  return {
    ...point,
    chunks,
    labellingS,
    offeredPerS: (teachers * 1000) / SERVICE_MS,
    labelledPerS: chunks / labellingS,
    coordinatorRequestsPerS: (to.requests - from.requests) / labellingS,
    coordinatorMsPerChunk: coordinatorMs / chunks,
    coordinatorBusy: coordinatorMs / 1000 / labellingS,
    hostMsPerChunk: (1000 * hostS) / chunks,
    hostS,
  };
}

interface Snapshot {
  readonly atMs: number;
  readonly coordinatorMs: number;
  readonly requests: number;
}

function snapshotOf(cluster: SimulatedCluster): Snapshot {
  return {
    atMs: cluster.clock.now(),
    coordinatorMs: cluster.hostMs("coordinator"),
    requests: cluster.trace.counts.get("by coordinator") ?? 0,
  };
}

const seen = new WeakMap<SimulatedCluster, number>();

/** The run's record, where it has changed since the last look. */
function changedRecord(cluster: SimulatedCluster): RunRecord | undefined {
  const stream = cluster.hub.buckets.get(buckets.runs)?.stream;
  if (!stream || stream.lastSequence === seen.get(cluster)) return undefined;
  seen.set(cluster, stream.lastSequence);
  const stored = stream.last(RUN);
  return stored && decode(RunRecord, stored.data, RUN);
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
  { head: "ms/chunk", of: ({ coordinatorMsPerChunk }) => coordinatorMsPerChunk.toFixed(2) },
  { head: "busy", of: ({ coordinatorBusy }) => `${(100 * coordinatorBusy).toFixed(1)}%` },
  { head: "host ms/chunk", of: ({ hostMsPerChunk }) => hostMsPerChunk.toFixed(2) },
  { head: "host s", of: ({ hostS }) => hostS.toFixed(1) },
];

export function sweepTable(rows: readonly SweepRow[]): string {
  const lines = [columns.map(({ head }) => head), ...rows.map((row) => columns.map(({ of }) => of(row)))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines.map((line) => line.map((cell, i) => cell.padStart(widths[i] as number)).join("  ")).join("\n");
}

/** Where the coordinator has no time left, between the points that were measured; in words. */
export function saturation(rows: readonly SweepRow[]): string {
  const grown = rows.filter(({ maxInFlight, teachers }) => maxInFlight >= 4 * teachers || teachers <= 16);
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
