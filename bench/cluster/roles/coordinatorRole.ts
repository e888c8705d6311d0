import { setTimeout as sleep } from "node:timers/promises";
import { findLacking } from "../../../coordinator/lackingLabels.ts";
import type { Bus } from "../../../shared/bus/bus.ts";
import { systemClock } from "../../../shared/bus/clock.ts";
import { coordinatorLease } from "../../../shared/cluster/followRuns.ts";
import { takeLease } from "../../../shared/cluster/lease.ts";
import { readHeartbeats } from "../../../shared/cluster/readHeartbeats.ts";
import { openDataset } from "../../../shared/data/open.ts";
import { encode } from "../../../shared/protocol/codec.ts";
import { PLAIN_VIEW } from "../../../shared/protocol/identifiers.ts";
import { RunRecord } from "../../../shared/protocol/run.ts";
import { buckets } from "../../../shared/protocol/subjects.ts";
import { dispatchRun } from "../dispatchRun.ts";
import type { Role, RoleTask } from "../role.ts";
import { RUN, simulatedModel, simulatedRecord } from "../simulatedRun.ts";
import { connectRole } from "./connect.ts";

/** Coordinates the labelling of a run, from its record, which it writes by itself, to the last label. */
export async function openCoordinator({
  url,
  spec,
  nodes,
}: Extract<RoleTask, { role: "coordinator" }>): Promise<Role> {
  const stop = new AbortController();
  const bus = await connectRole(url, "coordinator");
  const dataset = await openDataset(spec.data, ".");
  const lease = await takeLease(bus, coordinatorLease(RUN), "coordinator", systemClock, stop.signal);
  if (!lease) throw new Error("there is no lease");
  const record = simulatedRecord(spec, dataset, lease.fence);
  const weights = await bus.objects(buckets.weights);
  for (const k of spec.teachers.keys()) {
    const bytes = simulatedModel(k);
    await weights.put(record.teachers[k]?.ready?.model?.artifact as string, bytes);
  }
  await (await bus.kv(buckets.runs)).put(RUN, encode(RunRecord, record));
  await allAtWork(bus, nodes, spec.teachers.length);
  return {
    async work() {
      const startedAt = performance.now();
      const labellings = record.teachers.flatMap(({ ready }) => ready ?? []);
      const lacking = await findLacking(bus, dataset, spec.labels, [PLAIN_VIEW], labellings, stop.signal);
      const listMs = performance.now() - startedAt;
      await dispatchRun(bus, systemClock, lacking, spec.labels.maxInFlight, nodes, stop.signal);
      return { samples: lacking.samplesMissing, listMs };
    },
    async close() {
      stop.abort();
      await lease.release();
      await bus.close();
    },
  };
}

/** Waits until that many nodes serve all teachers. */
async function allAtWork(bus: Bus, nodes: number, teachers: number): Promise<void> {
  for (;;) {
    const beats = await readHeartbeats(bus, (error) => {
      throw error;
    });
    if (beats.filter(({ serving }) => serving.length === teachers).length >= nodes) return;
    await sleep(200);
  }
}
