import { setTimeout as sleep } from "node:timers/promises";
import { RECONCILE_MS } from "../../coordinator/dispatch.ts";
import { findLacking } from "../../coordinator/lackingLabels.ts";
import { findMissing } from "../../coordinator/missingLabels.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import { type Clock, systemClock } from "../../shared/bus/clock.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { openDataset } from "../../shared/data/open.ts";
import type { LabelMessage } from "../../shared/labels/labelMessage.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { chunksOfLabelWork, labelWorkFilter, streams } from "../../shared/protocol/subjects.ts";
import { startNatsServer } from "../../test/helpers/natsServer.ts";
import { dispatchRun } from "../cluster/dispatchRun.ts";
import { openRawWriter } from "../cluster/rawClient.ts";
import { simulatedSpec, simulatedTeachers } from "../cluster/simulatedRun.ts";

/** A line of the table, and an element of the JSON. */
export interface SubjectsRow {
  readonly case: string;
  /** In the log. */
  readonly subjects: number;
  readonly seconds: number;
}

const TEACHERS = 4;
/** Samples a chunk: few, so that few samples make many chunks. */
const CHUNK_SIZE = 4;
const PAYLOAD = new Uint8Array(64);
const IN_FLIGHT = 64;
const noEnd = new AbortController().signal;
/** That the work is dealt out for. */
const NODES = 4;

/**
 * What a coordinator takes on a log of so many messages: `start` of a run that none of them is of, until its first chunk is
 * queued; `resume` of one that lacks the last 64 chunks, until they are queued; `reconcile`, a pass after the queue has lost
 * those 64, until they are queued again.
 */
export async function runManySubjects(subjects: number, say: (line: string) => void): Promise<SubjectsRow[]> {
  const server = await startNatsServer();
  const bus = await connectNats({ url: server.url, name: "coordinator" });
  try {
    // Each teacher labels each chunk in one message.
    const samples = (subjects * CHUNK_SIZE) / TEACHERS;
    const run = { samples, classes: 10, teachers: TEACHERS, chunkSize: CHUNK_SIZE, maxInFlight: IN_FLIGHT };
    const spec = simulatedSpec(run);
    const dataset = await openDataset(spec.data, ".");
    await fill(bus, server.url, spec, dataset, say);
    const { messages } = await (await bus.log(streams.labels.name, streams.labels.filter)).size();
    const other = simulatedSpec({ ...run, chunkSize: CHUNK_SIZE + 1 });
    const start = await timed(bus, other, dataset);
    say(`start: ${start.queuedMs.toFixed(0)} ms, of which listing ${start.listMs.toFixed(0)}`);
    await start.end();
    const resume = await timed(bus, spec, dataset);
    say(`resume: ${resume.queuedMs.toFixed(0)} ms, of which listing ${resume.listMs.toFixed(0)}`);
    const reconcileMs = await resume.reconcile();
    say(`reconcile: ${reconcileMs.toFixed(0)} ms`);
    await resume.end();
    const row = (name: string, ms: number): SubjectsRow => ({
      case: name,
      subjects: messages,
      seconds: ms / 1000,
    });
    return [row("start", start.queuedMs), row("resume", resume.queuedMs), row("reconcile", reconcileMs)];
  } finally {
    await bus.close();
    await server.dispose();
  }
}

/** All messages but those of the last 64 chunks. */
async function fill(
  bus: Bus,
  url: string,
  spec: RunSpec,
  dataset: Dataset,
  say: (line: string) => void,
): Promise<void> {
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const { chunks } = await findMissing(log, dataset, spec.labels, [PLAIN_VIEW], labellingsOf(spec), noEnd);
  const messages = chunks
    .slice(0, -IN_FLIGHT)
    .flatMap(({ parts }): LabelMessage[] => [...parts.keys()].map((subject) => ({ subject, data: PAYLOAD })));
  const writer = await openRawWriter(url);
  const startedAt = performance.now();
  await writer.publishAll(messages, 256);
  await writer.close();
  say(
    `filled the log with ${messages.length} messages in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
  );
}

interface Timed {
  readonly listMs: number;
  /** From nothing known to all that may be in flight queued. */
  readonly queuedMs: number;
  /** Milliseconds of a pass after the queue has lost everything. */
  reconcile(): Promise<number>;
  end(): Promise<void>;
}

/** A coordinator that lists the log and queues what is missing, with nobody to do it. */
async function timed(bus: Bus, spec: RunSpec, dataset: Dataset): Promise<Timed> {
  const startedAt = performance.now();
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const lacking = await findLacking(bus, dataset, spec.labels, [PLAIN_VIEW], labellingsOf(spec), noEnd);
  const listMs = performance.now() - startedAt;
  const stop = new AbortController();
  const { clock, pass } = withoutPasses();
  const dispatching = dispatchRun(bus, clock, lacking, spec.labels.maxInFlight, NODES, stop.signal);
  const queued = async (): Promise<void> => {
    const chunks = async (): Promise<number> =>
      (await queue.pending(streams.work.filter)).flatMap(chunksOfLabelWork).length;
    while ((await chunks()) < spec.labels.maxInFlight) await sleep(1);
  };
  await queued();
  const queuedMs = performance.now() - startedAt;
  const purge = async (): Promise<void> => {
    for (const { labelling } of labellingsOf(spec)) await queue.purge(labelWorkFilter(labelling));
  };
  return {
    listMs,
    queuedMs,
    async reconcile() {
      await purge();
      const from = performance.now();
      pass();
      await queued();
      return performance.now() - from;
    },
    async end() {
      stop.abort();
      await dispatching;
      await purge();
    },
  };
}

/** A clock whose waits between two reconciliations end when they are told to. */
function withoutPasses(): { clock: Clock; pass(): void } {
  let pass = (): void => undefined;
  const clock: Clock = {
    now: systemClock.now,
    after(delayMs, callback) {
      if (delayMs !== RECONCILE_MS) return systemClock.after(delayMs, callback);
      pass = callback;
      return () => undefined;
    },
  };
  return { clock, pass: () => pass() };
}

function labellingsOf(spec: RunSpec) {
  return simulatedTeachers(spec).map(({ ready }) => ready);
}
