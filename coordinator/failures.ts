import type { WorkQueue } from "../shared/bus/bus.ts";
import { matches } from "../shared/bus/subjects.ts";
import { Wakeup } from "../shared/bus/wakeup.ts";
import { type FaultTopic, watchFaults } from "../shared/cluster/faults.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import { labelWorkFilter, streams, trainWorkSubject } from "../shared/protocol/subjects.ts";
import type { AbsentTeachers } from "./absentTeachers.ts";
import type { CoordinatorContext } from "./context.ts";

/** A run that cannot go on: some node met what trying again will not mend. */
export class RunFailed extends StillhouseError {}

/**
 * Fails the run as soon as a node reports a fault on something that the run needs. A fault at labels that the run has
 * all, or that its quorum can do without, is no reason.
 */
export async function failOnFault(
  { bus, store, log, notice }: CoordinatorContext,
  absent: AbsentTeachers,
  signal: AbortSignal,
): Promise<void> {
  for await (const { topic, fault } of watchFaults(bus, (error) => log.warn(messageOf(error)), signal)) {
    const { record } = store;
    if (record.state === "failed") continue;
    if (!faultTopics(record).includes(topic as FaultTopic)) continue;
    const faulty = record.teachers.find(({ ready }) => ready && topic === labellingTopic(ready.labelling));
    if (faulty?.ready) {
      if (record.labelledAtMs !== null) continue;
      if (absent.leaveOut(record, faulty.ready.labelling)) {
        notice(`goes on without teacher "${faulty.name}", by its quorum: node ${fault.node}: ${fault.text}`);
        continue;
      }
    }
    throw new RunFailed(`Run ${record.run} failed at node ${fault.node}: ${fault.text}`, {
      fields: { run: record.run, topic, node: fault.node },
    });
  }
}

/**
 * Fails the run when the queue gives up work that it needs: nobody would ever do it, and nobody would say so. Labels of
 * a chunk are not needed by a run with a quorum.
 */
export async function failOnExhausted(
  { bus, store, notice }: CoordinatorContext,
  absent: AbsentTeachers,
  signal: AbortSignal,
): Promise<void> {
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const hung =
    "it was handed out again and again, and each node died or hung over it; see the logs of the teacher nodes";
  for await (const subject of exhausted(queue, signal)) {
    const filter = workFilters(store.record).find((filter) => matches(filter, subject));
    if (filter === undefined) continue;
    // What was given up keeps its subject, so that a new attempt could not be queued.
    if (absent.leaveOutChunk(store.record, subject)) {
      await queue.purge(subject);
      notice(`goes on without the labels of ${subject}, by its quorum: ${hung}`);
      continue;
    }
    await queue.purge(filter);
    throw new RunFailed(
      `Run ${store.record.run} failed as no teacher node came to the end of ${subject}: ${hung}`,
      { fields: { run: store.record.run, subject } },
    );
  }
}

/** Subjects of work as the queue gives them up, until `signal` aborts. */
async function* exhausted(queue: WorkQueue, signal: AbortSignal): AsyncGenerator<string> {
  const found: string[] = [];
  const news = new Wakeup();
  const listening = queue.onExhausted((subject) => {
    found.push(subject);
    news.wake();
  });
  try {
    while (!signal.aborted) {
      const subject = found.shift();
      if (subject !== undefined) yield subject;
      else await news.wait(signal);
    }
  } finally {
    listening.unsubscribe();
  }
}

/** Of the work that the run may have queued. */
export function workFilters({ teachers }: RunRecord): string[] {
  return teachers.flatMap(({ recipes, ready }) => [
    ...recipes.map(trainWorkSubject),
    ...(ready ? [labelWorkFilter(ready.labelling)] : []),
  ]);
}

/** What a fault may be about to concern the run. */
export function faultTopics({ run, teachers }: RunRecord): FaultTopic[] {
  return [
    `run.${run}`,
    ...teachers.flatMap(({ recipes, ready }): FaultTopic[] => [
      ...recipes.map((recipe) => `recipe.${recipe}` as const),
      ...(ready ? [labellingTopic(ready.labelling)] : []),
    ]),
  ];
}

function labellingTopic(labelling: string): FaultTopic {
  return `labelling.${labelling}`;
}
