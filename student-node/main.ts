import type { Logger } from "pino";
import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus } from "../shared/bus/bus.ts";
import { type Clock, sleep } from "../shared/bus/clock.ts";
import { postFault } from "../shared/cluster/faults.ts";
import { followRuns } from "../shared/cluster/followRuns.ts";
import { idlePulse, type Pulse } from "../shared/cluster/heartbeat.ts";
import { takeLease } from "../shared/cluster/lease.ts";
import { liveAsNode } from "../shared/cluster/nodeLife.ts";
import { publishNotice } from "../shared/cluster/notice.ts";
import { DataNotHere, DataSources } from "../shared/data/openSource.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import { NoRoomForLabels } from "../shared/labels/labelStoreRoom.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import type { StudentCompute } from "./compute.ts";
import { TooFewWorkers } from "./peerExchange.ts";
import { RunWatch } from "./runWatch.ts";
import { trainRun } from "./trainRun.ts";

export interface StudentNodeOptions {
  bus: Bus;
  /** Makes one compute (a worker thread) a training that is done at once. */
  makeCompute: () => StudentCompute;
  node: string;
  clock: Clock;
  /** Trainings at once; absent: what the run's spec says. */
  workers?: number | undefined;
  /** Where relative data paths start on this machine; absent: where the run's spec is. */
  dataRoot?: string | undefined;
  /** Folder for the local label store; absent: the system's temporary folder. */
  scratch?: string | undefined;
  /** How long it may take for its last checkpoints when it is to end; absent: `GRACE_MS`. */
  graceMs?: number | undefined;
  log: Logger;
  signal: AbortSignal;
}

/** Long enough that another node takes the lease first. */
const RETRY_MS = 5_000;

/** What the student node shares among the runs that it trains. */
export interface StudentContext extends StudentNodeOptions {
  readonly data: DataSources;
  readonly doing: Set<string>;
}

/**
 * A student node: trains the students of live runs, those of one run at a time by one node, which holds the run's
 * student lease. Killed at any instant, it or another goes on from the last checkpoints. Ends when `signal`
 * aborts or somebody tells it to, after a checkpoint of what it trains.
 */
export async function runStudentNode(options: StudentNodeOptions): Promise<void> {
  const { bus, clock, node, log, signal } = options;
  const context = { ...options, data: new DataSources(options.dataRoot), doing: new Set<string>() };
  const pulse = (): Pulse => ({
    ...idlePulse([...context.doing].join(", ") || "idle"),
    backend: "worker threads",
  });
  log.info("student node ready");
  await liveAsNode({ bus, clock, role: "student", node, log, signal, pulse }, (until) =>
    serveRuns({ ...context, signal: until }),
  );
  log.info("student node ended");
}

/** Trains the students of each wanted run; one that is wanted again waits until its earlier training has ended. */
async function serveRuns(context: StudentContext): Promise<void> {
  const { bus, clock, log, signal } = context;
  const watches = new Map<string, RunWatch>();
  const ends = new Map<string, Promise<void>>();
  const onRun = (record: RunRecord, wanted: boolean): void => {
    const known = watches.get(record.run);
    if (known) {
      known.update(record, wanted);
      if (!wanted) watches.delete(record.run);
    } else if (wanted) {
      const watch = new RunWatch(record);
      watches.set(record.run, watch);
      const before = ends.get(record.run) ?? Promise.resolve();
      ends.set(
        record.run,
        before
          .then(() => serveRun(context, watch))
          .catch((error: unknown) => log.error({ run: record.run, error }, messageOf(error))),
      );
    }
  };
  await followRuns({ bus, clock, signal, onRun, onBad: (error) => log.error(messageOf(error)) });
  await Promise.all(ends.values());
}

/**
 * Takes the run's student lease and trains what is not yet trained. What trying again will not mend is reported as a
 * fault; a node whose data is wrong gives the lease back, so that another may take it, and tries again later.
 */
async function serveRun(context: StudentContext, watch: RunWatch): Promise<void> {
  const { bus, clock, node, log, signal } = context;
  const { run } = watch.current;
  const waiting = anySignal(signal, watch.over);
  while (!waiting.aborted) {
    const lease = await takeLease(bus, `student.${run}`, node, clock, waiting, { mayLapse: true });
    if (!lease) return;
    try {
      await trainRun(context, watch, anySignal(signal, watch.over, lease.signal));
      if (!lease.signal.aborted) return;
      log.warn({ run }, messageOf(lease.signal.reason));
    } catch (error) {
      if (waiting.aborted) return;
      log.error({ run, error }, messageOf(error));
      if (isOfThisNode(error)) {
        publishNotice(bus, run, node, "error", `${node} trains nothing: ${error.message}`);
      } else if (mayMend(error)) {
        publishNotice(bus, run, node, "warn", `${node} tries again: ${messageOf(error)}`);
      } else if (!lease.signal.aborted) {
        await postFault(bus, clock, `run.${run}`, node, messageOf(error));
        return;
      }
    } finally {
      await lease.release();
    }
    await sleep(clock, RETRY_MS, waiting);
  }
}

/** What another node may not meet. */
function isOfThisNode(error: unknown): error is StillhouseError {
  return [DataNotHere, TooFewWorkers, NoRoomForLabels].some((kind) => error instanceof kind);
}

/** A compute thread that died, or a training that another node is at too, one of them without the lease by then. */
function mayMend(error: unknown): boolean {
  return error instanceof StillhouseError && error.retry;
}
