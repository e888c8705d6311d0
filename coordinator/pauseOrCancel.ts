import type { Bus } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { inBatches } from "../shared/bus/inBatches.ts";
import { Attempts } from "../shared/cluster/attempts.ts";
import { Checkpoints } from "../shared/cluster/checkpoints.ts";
import { deletePeerWeights } from "../shared/cluster/deletePeerWeights.ts";
import { readRuns } from "../shared/cluster/runRecords.ts";
import { jobName, jobsOf } from "../shared/protocol/jobs.ts";
import { isWorkingState, type RunRecord } from "../shared/protocol/run.ts";
import { buckets, decisionKeys, jobKeys, streams } from "../shared/protocol/subjects.ts";
import { workFilters } from "./failures.ts";
import type { RunStore } from "./runStore.ts";

/** @throws ImpossibleTransition, LeaseLost */
export async function pauseRun(bus: Bus, clock: Clock, store: RunStore): Promise<void> {
  await store.enter("paused");
  await withdrawWork(bus, clock, store.record);
}

/** @throws ImpossibleTransition, LeaseLost */
export async function cancelRun(bus: Bus, clock: Clock, store: RunStore): Promise<void> {
  await store.enter("cancelled");
  await withdrawWork(bus, clock, store.record);
  await forgetProgress(bus, store.record);
}

/** Takes out of the queue what a run has asked for, unless a run that is at work needs it too. */
async function withdrawWork(bus: Bus, clock: Clock, record: RunRecord): Promise<void> {
  const others = await readRuns(bus, record.run);
  const needed = new Set(others.filter(({ state }) => isWorkingState(state)).flatMap(workFilters));
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const attempts = await Attempts.open(bus, clock);
  for (const filter of workFilters(record).filter((filter) => !needed.has(filter))) {
    await queue.purge(filter);
    // Asked for again, its tries begin anew.
    await attempts.forget(filter);
  }
}

/**
 * Deletes what a run that nobody will go on with has stored to be gone on from: checkpoints, weights that its students
 * showed each other, decisions. Its labels, trained teachers and finished students stay.
 */
async function forgetProgress(bus: Bus, { run, spec }: RunRecord): Promise<void> {
  for (const job of jobsOf(spec)) {
    await (await Checkpoints.open(bus, jobKeys.checkpoint(run, jobName(job)))).remove();
  }
  const jobs = await bus.kv(buckets.jobs);
  const peers = await bus.objects(buckets.peers);
  await deletePeerWeights(jobs, peers, await jobs.keys(jobKeys.peers(run)));
  const decisions = await bus.kv(buckets.decisions);
  await inBatches(await decisions.keys(decisionKeys.all(run)), (key) => decisions.delete(key));
}
