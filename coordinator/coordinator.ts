import { aborted } from "../shared/bus/aborted.ts";
import { anySignal } from "../shared/bus/anySignal.ts";
import { sleep } from "../shared/bus/clock.ts";
import { failureOf } from "../shared/bus/failureOf.ts";
import { clearFaults } from "../shared/cluster/faults.ts";
import { releaseQuarantined } from "../shared/cluster/quarantine.ts";
import { transferSet } from "../shared/data/transferSet.ts";
import { messageOf } from "../shared/errors.ts";
import type { AnyReport } from "../shared/evaluate/taskReportSchema.ts";
import { PRESENCE_RENEW_MS } from "../shared/protocol/subjects.ts";
import { AbsentTeachers } from "./absentTeachers.ts";
import { awaitEvaluation, awaitResults } from "./awaitStudents.ts";
import type { CoordinatorContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { dispatching } from "./dispatching.ts";
import { quarantineExhausted } from "./exhaustedWork.ts";
import { failOnFault, faultTopics, RunFailed, tellQuarantine, workFilters } from "./failures.ts";
import { restoreImports } from "./importTeacher.ts";
import { keepLabels } from "./keepLabels.ts";
import { labelByQuorum } from "./labelByQuorum.ts";
import { requireLabelRoom, warnOfRoom } from "./labelRoom.ts";
import { lackingLabels } from "./lackingLabels.ts";
import { makeReport, readReport, storeReport } from "./report.ts";
import { SlidingLabels } from "./slidingLabels.ts";
import { watchStalls } from "./stalls.ts";
import { getTeachers } from "./teach.ts";

/**
 * Brings a run from where its record says it stands to its report: teachers, labels, students, evaluation. It may be
 * killed at any instant and started again; all it knows is in the record, in the streams and in the results.
 * @throws RunFailed, LeaseLost; whatever `signal` aborts with leaves the run to be continued
 */
export async function coordinate(context: CoordinatorContext): Promise<AnyReport> {
  const { store, bus, clock, membership, signal } = context;
  const stop = new AbortController();
  const until = anySignal(signal, stop.signal);
  const { state } = store.record;
  // What stopped an earlier run, or this one before its cause was mended, is no reason to stop now.
  if (state === "planned" || state === "failed") {
    await clearFaults(bus, faultTopics(store.record));
    await releaseQuarantined(bus, clock, workFilters(store.record));
  }
  const absent = new AbsentTeachers();
  const way = pipeline(context, absent, until);
  const beside = Promise.all([
    membership.follow(bus, clock, (error) => context.log.warn(messageOf(error)), until),
    watchStalls(() => store.record, membership, clock, context.notice, until),
    failOnFault(context, absent, until),
    quarantineExhausted(context, until),
    tellQuarantine(context, absent, until),
  ]);
  try {
    return await Promise.race([
      way,
      failureOf(beside),
      aborted(signal).then(() => Promise.reject(signal.reason)),
    ]);
  } catch (error) {
    if (error instanceof RunFailed) await store.enter("failed", { error: messageOf(error) });
    throw error;
  } finally {
    stop.abort();
    // Nothing may be written any more once the lease is given back.
    await Promise.allSettled([way, beside]);
  }
}

async function pipeline(
  context: CoordinatorContext,
  absent: AbsentTeachers,
  signal: AbortSignal,
): Promise<AnyReport> {
  const { store, bus } = context;
  const known = store.record.state === "done" ? await readReport(bus, store.record.run) : undefined;
  if (known) return known;
  if (store.record.state === "failed") await store.enter("planned", { error: null });
  if (store.record.state === "planned") {
    await warnOfRoom(context);
    await store.enter("teaching");
  }
  if (store.record.state === "teaching") {
    await getTeachers(context, signal);
    signal.throwIfAborted();
    await store.enter("distilling");
  }
  if (store.record.state === "distilling") {
    const trained = new AbortController();
    await Promise.all([
      labelAll(context, absent, signal).then(() => keepLabels(context, anySignal(signal, trained.signal))),
      awaitResults(context, signal).then(() => trained.abort()),
    ]);
    signal.throwIfAborted();
    await (await SlidingLabels.open(context))?.releaseAll();
    await store.enter("evaluating");
  }
  const evaluated = new AbortController();
  const [evaluation] = await Promise.all([
    awaitEvaluation(context, signal).finally(() => evaluated.abort()),
    keepLabels(context, anySignal(signal, evaluated.signal)),
  ]);
  await lastCounters(context, signal);
  const report = await makeReport(context, evaluation);
  await storeReport(bus, report);
  if (store.record.state === "evaluating") await store.enter("done");
  return report;
}

/** What a node did until the last label is in its next heartbeat, which the next look at the members finds. */
async function lastCounters({ store, clock }: CoordinatorContext, signal: AbortSignal): Promise<void> {
  const { labelledAtMs } = store.record;
  const sinceMs = Math.max(0, clock.now() - (labelledAtMs ?? clock.now()));
  if (sinceMs < 3 * PRESENCE_RENEW_MS) await sleep(clock, 3 * PRESENCE_RENEW_MS - sinceMs, signal);
  signal.throwIfAborted();
}

async function labelAll(
  context: CoordinatorContext,
  absent: AbsentTeachers,
  signal: AbortSignal,
): Promise<void> {
  const { clock, store, publish } = context;
  const imported = await restoreImports(context, signal);
  const { spec, run } = store.record;
  const dataset = transferSet(context.dataset, spec.data);
  const sliding = await SlidingLabels.open(context);
  await sliding?.settle(signal);
  const missing = await lackingLabels(context, signal);
  const { chunks, pending, since, samplesNeeded, samplesMissing } = missing;
  // What the log held before this run asked for anything: the report tells passes made from passes saved by it.
  if (!store.record.passes) {
    await requireLabelRoom(context, missing);
    await store.change({
      passes: { needed: samplesNeeded, found: samplesNeeded - samplesMissing, imported },
    });
  }
  const onProgress = (done: number, inFlight: number): void =>
    publish({ type: "label-progress", run, done, total: chunks.length, inFlight });
  onProgress(0, 0);
  const { quorum } = spec.ensemble;
  if (quorum === "all") {
    const { maxInFlight } = spec.labels;
    const asked = { ...dispatching(context), missing: chunks, pending, since, maxInFlight, onProgress };
    const done = new AbortController();
    await Promise.all([
      dispatch({ ...asked, ...(sliding && { choosy: sliding }) }, signal).then(() => done.abort()),
      sliding?.follow(anySignal(signal, done.signal)),
    ]);
  } else {
    await labelByQuorum({ ...context, dataset }, missing, quorum, absent, signal);
  }
  if (signal.aborted || store.record.labelledAtMs !== null) return;
  // Passes that nobody waited for were not made, or not for this run.
  const left = quorum === "all" ? 0 : (await lackingLabels(context, signal)).samplesMissing;
  await store.change(({ passes }) => ({
    labelledAtMs: clock.now(),
    passes: passes && { ...passes, needed: Math.max(passes.found, passes.needed - left) },
  }));
}
