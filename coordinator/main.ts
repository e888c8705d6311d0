import { hostname } from "node:os";
import type { Logger } from "pino";
import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { failureOf } from "../shared/bus/failureOf.ts";
import { coordinatorLease } from "../shared/cluster/followRuns.ts";
import { beat, idlePulse } from "../shared/cluster/heartbeat.ts";
import { type Lease, LeaseLost, takeLease } from "../shared/cluster/lease.ts";
import { publishNotice } from "../shared/cluster/notice.ts";
import { DEFAULT_THREADS } from "../shared/compute/computeSettings.ts";
import type { RunSpec } from "../shared/config/spec.ts";
import { specHash } from "../shared/config/specHash.ts";
import { withThreads } from "../shared/config/withThreads.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { openDataset, requireDataset } from "../shared/data/open.ts";
import { contentHash } from "../shared/determinism/hash.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import type { AnyReport } from "../shared/evaluate/taskReportSchema.ts";
import { encode } from "../shared/protocol/codec.ts";
import { Event } from "../shared/protocol/events.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import { runEventSubject } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";
import { coordinateByOrders } from "./coordinateByOrders.ts";
import { Membership } from "./membership.ts";
import { planRun } from "./plan.ts";
import { QuarantineWatch } from "./quarantineWatch.ts";
import { RunOrders } from "./runOrders.ts";
import { RunStore } from "./runStore.ts";
import { plannedTeachers } from "./teach.ts";

export interface CoordinatorOptions {
  bus: Bus;
  busNote?: string | undefined;
  spec: RunSpec;
  /** Folder that the spec's relative paths start from. */
  baseDir: string;
  run: string;
  /** Of one operator, in every role for which the spec does not say. */
  threads: number;
  node: string;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

/** The run exists with another spec. */
export class SpecChanged extends StillhouseError {}

/**
 * Coordinates one run to its end: checks the spec against the data, takes the run's lease (waiting as a standby while
 * another holds it, and again when it was lost), creates or takes over its record, and runs the pipeline.
 * @returns undefined when `signal` aborted before the lease was there, and when the run was told to stop
 */
export async function runCoordinator(options: CoordinatorOptions): Promise<AnyReport | undefined> {
  const { bus, spec, run, node, clock, log, signal } = options;
  const dataset = await openDataset(spec.data, options.baseDir);
  planRun(spec, dataset);
  const end = new AbortController();
  const orders = await RunOrders.open(
    bus,
    run,
    (text) => log.warn({ run }, text),
    anySignal(signal, end.signal),
  );
  const until = anySignal(signal, orders.stopped);
  try {
    for (;;) {
      const lease = await takeLease(bus, coordinatorLease(run), node, clock, until, {
        onWait: (holder) => log.info({ holder }, "standing by: another coordinator holds the run"),
      });
      if (!lease) return undefined;
      try {
        return await holding({ ...options, signal: until }, dataset, lease, orders);
      } catch (error) {
        if (orders.stopped.aborted && !signal.aborted) {
          log.info({ run }, messageOf(orders.stopped.reason));
          return undefined;
        }
        // A server that was away for longer than a lease lasts took it: whoever takes it next goes on, be it this one.
        if (!(error instanceof LeaseLost) || signal.aborted) throw error;
        log.warn({ run }, error.message);
      } finally {
        await lease.release();
      }
    }
  } finally {
    end.abort();
  }
}

/** Coordinates the run for as long as the lease is held. @throws LeaseLost, RunCancelled, and what `coordinate` throws */
async function holding(
  options: CoordinatorOptions,
  dataset: Dataset,
  lease: Lease,
  orders: RunOrders,
): Promise<AnyReport> {
  const { bus, spec, run, node, clock, log, signal } = options;
  const store = await RunStore.open(bus, clock, lease.fence, initialRecord(options, dataset));
  requireSameSpec(store.record, spec);
  requireDataset(dataset, store.record.data.hash, `run ${run}`);
  log.info({ run, state: store.record.state, host: hostname() }, "coordinating");
  const publish = (event: Event): void => bus.publish(runEventSubject(run), encode(Event, event));
  const over = new AbortController();
  const until = anySignal(signal, lease.signal, over.signal);
  const quarantine = await QuarantineWatch.open(bus, (error) => log.warn({ run }, messageOf(error)), until);
  const context: CoordinatorContext = {
    bus,
    busNote: options.busNote,
    clock,
    node,
    dataset,
    store,
    membership: new Membership(),
    quarantine,
    log,
    signal: until,
    publish,
    notice(text) {
      log.warn({ run }, text);
      publishNotice(bus, run, node, "warn", text);
    },
  };
  // From here on nothing is waited for without somebody who hears that either has failed.
  const pulse = beat(bus, clock, { role: "coordinator", node }, () => idlePulse(store.record.state), until);
  const way = coordinateByOrders(context, orders);
  try {
    return await Promise.race([way, failureOf(pulse)]);
  } finally {
    over.abort();
    // Nothing may be written any more once the lease is given back.
    await Promise.allSettled([way, pulse]);
  }
}

function initialRecord(
  { spec, run, baseDir, threads, clock }: CoordinatorOptions,
  dataset: Dataset,
): RunRecord {
  return {
    type: "run",
    run,
    fence: 0,
    state: "planned",
    spec: withThreads(spec, { teacher: threads, student: threads }),
    specHash: specHash(spec),
    data: { spec: spec.data, baseDir, hash: dataset.hash },
    shards: dataset.shards.map(({ hash, rows }) => ({ hash, rows })),
    teachers: plannedTeachers(spec.teachers, dataset.hash),
    passes: null,
    createdAtMs: clock.now(),
    enteredAtMs: { planned: clock.now() },
    labelledAtMs: null,
    error: null,
  };
}

function requireSameSpec(record: RunRecord, spec: RunSpec): void {
  if (record.specHash === specHash(spec)) return;
  const { teacher = DEFAULT_THREADS, student = DEFAULT_THREADS } = record.spec.compute.threads;
  const kept = withThreads(spec, { teacher, student });
  const changed = Object.keys(kept).filter(
    (key) => contentHash(kept[key as keyof RunSpec]) !== contentHash(record.spec[key as keyof RunSpec]),
  );
  throw new SpecChanged(
    `Cannot go on with run ${record.run} as its spec has changed in ${changed.join(", ")}: choose another --out, or put the spec back`,
    { fields: { run: record.run, changed } },
  );
}
