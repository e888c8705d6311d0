import { matches } from "../shared/bus/subjects.ts";
import { type FaultTopic, watchFaults } from "../shared/cluster/faults.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import { labelWorkFilter, streams, trainWorkSubject } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";

/** A run that cannot go on: some node met what trying again will not mend. */
export class RunFailed extends StillhouseError {}

/** Fails the run as soon as a node reports a fault on something that the run needs. */
export async function failOnFault(
  { bus, store, log }: CoordinatorContext,
  signal: AbortSignal,
): Promise<void> {
  for await (const { topic, fault } of watchFaults(bus, (error) => log.warn(messageOf(error)), signal)) {
    if (store.record.state === "failed") continue;
    if (!faultTopics(store.record).includes(topic as FaultTopic)) continue;
    throw new RunFailed(`Run ${store.record.run} failed at node ${fault.node}: ${fault.text}`, {
      fields: { run: store.record.run, topic, node: fault.node },
    });
  }
}

/** Fails the run when the queue gives up work that it needs: nobody would ever do it, and nobody would say so. */
export async function failOnExhausted(
  { bus, store }: CoordinatorContext,
  signal: AbortSignal,
): Promise<void> {
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const subject = await new Promise<string | undefined>((resolve) => {
    const listening = queue.onExhausted((subject) => {
      if (workFilters(store.record).some((filter) => matches(filter, subject))) resolve(subject);
    });
    const end = (): void => {
      listening.unsubscribe();
      resolve(undefined);
    };
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
  });
  if (subject === undefined) return;
  // What was given up keeps its subject, so that a new attempt could not be queued.
  for (const filter of workFilters(store.record)) if (matches(filter, subject)) await queue.purge(filter);
  throw new RunFailed(
    `Run ${store.record.run} failed as no teacher node came to the end of ${subject}: it was handed out again and again, and each node died or hung over it; see the logs of the teacher nodes`,
    { fields: { run: store.record.run, subject } },
  );
}

/** Of the work that the run may have queued. */
function workFilters({ teachers }: RunRecord): string[] {
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
      ...(ready ? [`labelling.${ready.labelling}` as const] : []),
    ]),
  ];
}
