import { tmpdir } from "node:os";
import { aborted } from "../shared/bus/aborted.ts";
import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus } from "../shared/bus/bus.ts";
import { sleep } from "../shared/bus/clock.ts";
import { failureOf } from "../shared/bus/failureOf.ts";
import { isFinished } from "../shared/cluster/jobResults.ts";
import { LeaseLost } from "../shared/cluster/lease.ts";
import { GRACE_MS } from "../shared/cluster/nodeLife.ts";
import { slowestView } from "../shared/cluster/slowestView.ts";
import { studentSteps } from "../shared/compute/studentSteps.ts";
import { encodingsOf } from "../shared/config/encodingOf.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { transferSet } from "../shared/data/transferSet.ts";
import { slides } from "../shared/data/views/slidingWindow.ts";
import { labelledViewHashes } from "../shared/data/views/viewSchedule.ts";
import { contentHash, sha256 } from "../shared/determinism/hash.ts";
import { type FeaturePlan, planFeatures } from "../shared/distill/features/planFeatures.ts";
import { StillhouseError } from "../shared/errors.ts";
import { encodingText } from "../shared/labels/encodingText.ts";
import { requireRoomForLabels } from "../shared/labels/labelStoreRoom.ts";
import { type KnownPart, LabelStoreWriter } from "../shared/labels/labelStoreWriter.ts";
import { planLabelStore } from "../shared/labels/planLabelStore.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import {
  AnyEvaluation,
  Counter,
  EvaluationPointer,
  type JobKey,
  jobName,
  jobsOf,
} from "../shared/protocol/jobs.ts";
import { knownClasses, type RunRecord } from "../shared/protocol/run.ts";
import { buckets, jobKeys } from "../shared/protocol/subjects.ts";
import type { StudentCompute } from "./compute.ts";
import { JobQueue } from "./jobQueue.ts";
import { LabelFeed } from "./labelFeed.ts";
import { loadModel } from "./loadModel.ts";
import type { StudentContext } from "./main.ts";
import { exchangeStepsOf, PeerExchange, TooFewWorkers } from "./peerExchange.ts";
import type { RunWatch } from "./runWatch.ts";
import { trainJob } from "./trainJob.ts";

/** How long a node that lives on waits for the checkpoints of a run that it leaves. */
const LAST_CHECKPOINTS_MS = 60_000;

/**
 * Trains every student and baseline of a run that has no result yet, then evaluates them all. When `signal` aborts,
 * trainings store a checkpoint first, unless the run is cancelled, or another node has the lease.
 */
export async function trainRun(context: StudentContext, watch: RunWatch, signal: AbortSignal): Promise<void> {
  const { spec, data, run } = watch.current;
  const dataset = transferSet(await context.data.open(data, `student node ${context.node}`), spec.data);
  const features = planFeatures(spec, dataset);
  const workers = context.workers ?? spec.nodes.studentWorkers;
  requireAllAtOnce(spec, workers, context.node);
  const { scratch = tmpdir() } = context;
  requireRoomForLabels(scratch, planLabelStore(spec, dataset, features.layouts).fileBytes);
  const store = new LabelStoreWriter(scratch, {
    maxBytes: spec.student.labelStoreBytes,
    byView: slides(spec),
  });
  const computes = Array.from({ length: workers }, context.makeCompute);
  const stop = new AbortController();
  const until = stop.signal;
  let working: Promise<unknown> = Promise.resolve();
  try {
    for (const compute of computes) {
      await compute.openData(dataset);
      const layout = {
        encodings: encodingsOf(spec),
        classes: dataset.classes,
        features: features.layouts,
        chunkSize: spec.labels.chunkSize,
        cacheBytes: spec.student.labelCacheBytes,
      };
      await compute.openLabels(store.path, layout, async (parts) => (await feed).feed.again(parts));
    }
    const feed = feedOnceReady(context, watch, dataset, features, store, computes, until);
    const reading = feed.then((started) => started.reading);
    // It is waited for below; until then a failure is not without a handler.
    reading.catch(() => undefined);
    const exchange = await PeerExchange.open(context.bus, watch.current, until);
    const queue = new JobQueue(await unfinishedJobs(context.bus, watch.current));
    const distilling = watch.reached(["distilling", "evaluating"], until).then((record) => {
      if (record) queue.openStudents();
    });
    // The first failure ends the run's training: stopping frees those who wait for labels or for the next state.
    const all = Promise.all(
      computes.map((compute) =>
        work(context, watch, dataset, feed, queue, compute, exchange, anySignal(signal, until)),
      ),
    );
    working = all.catch(() => undefined);
    await Promise.race([all, failureOf(reading), aborted(signal)]);
    if (signal.aborted || !(await watch.reached(["evaluating"], signal))) return;
    await distilling;
    await exchange?.removeAll();
    await evaluate(context, watch.current, await feed, computes[0] as StudentCompute);
    context.log.info({ run }, "run evaluated");
  } finally {
    const keeps =
      signal.aborted && !(signal.reason instanceof LeaseLost) && watch.current.state !== "cancelled";
    // Before those that wait for labels are freed, so that they know why.
    if (keeps) await Promise.all(computes.map((compute) => compute.interrupt().catch(() => undefined)));
    stop.abort(signal.reason);
    if (keeps) {
      const done = new AbortController();
      const all = working.then(() => done.abort());
      await Promise.race([all, lastCheckpointsTime(context, done.signal)]);
    }
    await Promise.all(computes.map((compute) => compute.close()));
    store.close();
  }
}

/** Resolves when a node need not wait any longer for the checkpoints of a run that it leaves, or `done` aborts. */
async function lastCheckpointsTime(
  { clock, signal, graceMs }: StudentContext,
  done: AbortSignal,
): Promise<void> {
  await sleep(clock, LAST_CHECKPOINTS_MS, anySignal(signal, done));
  if (!done.aborted && signal.aborted) await sleep(clock, graceMs ?? GRACE_MS, done);
}

/** @throws TooFewWorkers where students that wait for each other could not all be at work */
function requireAllAtOnce(spec: RunRecord["spec"], workers: number, node: string): void {
  const peers = exchangeStepsOf(spec) === undefined ? 0 : spec.seeds.length;
  const sliding = slides(spec) ? jobsOf(spec).filter(({ kind }) => kind === "student").length : 0;
  const students = Math.max(peers, sliding);
  if (workers >= students) return;
  const whose =
    sliding > peers
      ? "of fresh views, whose labels are let go once all are past them,"
      : "that learn from each other";
  throw new TooFewWorkers(
    `Cannot train ${students} students ${whose} on ${node} as it does ${workers} trainings at once: start it with --workers ${students} or more`,
    { fields: { workers, students } },
  );
}

interface StartedFeed {
  readonly feed: LabelFeed;
  /** Ends with the reading, or fails with it. */
  readonly reading: Promise<void>;
}

/** Starts to read labels as soon as all teachers are there. Never settles when the run ends first. */
async function feedOnceReady(
  context: StudentContext,
  watch: RunWatch,
  dataset: Dataset,
  features: FeaturePlan,
  store: LabelStoreWriter,
  computes: readonly StudentCompute[],
  signal: AbortSignal,
): Promise<StartedFeed> {
  const record = await watch.reached(["distilling", "evaluating"], signal);
  if (!record) return new Promise(() => undefined);
  const { chunkSize } = record.spec.labels;
  requireSameFeatures(record, features);
  requireSameEncodings(record);
  const finished = new Set<string>();
  const steps = studentSteps(record.spec, dataset);
  const firstViewNow = () => slowestView(context.bus, record, steps, finished);
  const firstView = slides(record.spec) ? await firstViewNow() : undefined;
  const feed = new LabelFeed({
    bus: context.bus,
    dataset,
    labellings: record.teachers.map(({ ready }) => ready?.labelling ?? ""),
    features: record.teachers.map(({ ready }) => ready?.features ?? []),
    views: labelledViewHashes(record.spec, dataset),
    firstView,
    ...(slides(record.spec) && { firstViewNow }),
    chunkSize,
    encodings: encodingsOf(record.spec).map(({ stored }) => stored),
    store,
    decidedFor: record.spec.ensemble.quorum === "all" ? undefined : record.run,
    onDecided: (decided) => {
      for (const compute of computes) compute.addDecision(decided).catch(() => undefined);
    },
    onParts: (parts: readonly KnownPart[]) => {
      // A compute that takes no labels any more has ended, and its training says why.
      for (const compute of computes) compute.addLabels(parts).catch(() => undefined);
    },
  });
  return { feed, reading: feed.run(signal) };
}

/** Labels are read as this node plans them, and were asked for as the coordinator does: two versions may differ. */
function requireSameFeatures({ run, teachers }: RunRecord, { layouts }: FeaturePlan): void {
  for (const [k, { name, ready }] of teachers.entries()) {
    const [asked, own] = [ready?.features ?? [], layouts[k] ?? []];
    if (contentHash(asked) === contentHash(own)) continue;
    throw new StillhouseError(
      `Cannot train run ${run} as its coordinator asked for other features of teacher "${name}" than this student node reads: ${JSON.stringify(asked)} and ${JSON.stringify(own)}; run the same version of both`,
      { fields: { teacher: name, asked, own } },
    );
  }
}

/** The same of how they are stored. */
function requireSameEncodings({ run, spec, teachers }: RunRecord): void {
  encodingsOf(spec).forEach(({ stored }, k) => {
    const { name, ready } = teachers[k] ?? {};
    const [asked, own] = [ready ? encodingText(ready.encoding) : "none", encodingText(stored)];
    if (asked === own) return;
    throw new StillhouseError(
      `Cannot train run ${run} as its coordinator has the labels of teacher "${name}" stored as ${asked}, and this student node reads ${own}; run the same version of both`,
      { fields: { teacher: name, asked, own } },
    );
  });
}

async function work(
  context: StudentContext,
  watch: RunWatch,
  dataset: Dataset,
  feed: Promise<StartedFeed>,
  queue: JobQueue,
  compute: StudentCompute,
  exchange: PeerExchange | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const job = await queue.next();
    if (!job || signal.aborted) return;
    const name = `training ${jobName(job)}`;
    context.doing.add(name);
    try {
      const labelsUpTo = async (count: number): Promise<void> => (await feed).feed.upTo(count);
      const features = planFeatures(watch.current.spec, dataset, job.student);
      await trainJob(context, watch.current, job, features, compute, labelsUpTo, exchange);
    } finally {
      context.doing.delete(name);
    }
  }
}

/** The trainings of a run without those that are finished. */
async function unfinishedJobs(bus: Bus, { run, spec }: RunRecord): Promise<JobKey[]> {
  const all = jobsOf(spec);
  const finished = await Promise.all(all.map((job) => isFinished(bus, run, job)));
  return all.filter((_, i) => !finished[i]);
}

/** Waits for the last test labels, then reads the test split once, counts that, and stores what was found. */
async function evaluate(
  context: StudentContext,
  { run, spec, data, teachers }: RunRecord,
  { feed }: StartedFeed,
  compute: StudentCompute,
): Promise<void> {
  const jobs = await context.bus.kv(buckets.jobs);
  if (await jobs.get(jobKeys.evaluation(run))) return;
  context.doing.add("evaluating");
  await feed.upTo(feed.total);
  const models = await Promise.all(
    jobsOf(spec).map(async (job) => ({ job, ...(await loadModel(context.bus, run, job)) })),
  );

  const counted = await jobs.get(jobKeys.testReads(run));
  const count = counted ? decode(Counter, counted.value, `test reads of ${run}`).count : 0;
  await jobs.put(jobKeys.testReads(run), encode(Counter, { type: "counter", count: count + 1 }));
  const found = await compute.evaluate({
    dataHash: data.hash,
    teachers: teachers.map(({ name }) => name),
    known: knownClasses(teachers),
    ensemble: spec.ensemble,
    chunkSize: spec.labels.chunkSize,
    compute: spec.compute,
    models,
  });
  const evaluation: AnyEvaluation = {
    ...found,
    labelBytes: feed.bytesRead,
    labelMessages: feed.messagesRead,
    readAgain: feed.readAgain,
  };
  const bytes = encode(AnyEvaluation, evaluation);
  const object = sha256(bytes);
  await (await context.bus.objects(buckets.evaluations)).put(object, bytes);
  const pointer = encode(EvaluationPointer, { type: "evaluation-pointer", object });
  await jobs.put(jobKeys.evaluation(run), pointer);
  context.doing.delete("evaluating");
}
