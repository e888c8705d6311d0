import { attemptsText } from "../shared/cluster/attempts.ts";
import { type FaultTopic, watchFaults } from "../shared/cluster/faults.ts";
import { listQuarantined } from "../shared/cluster/quarantine.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import { labelWorkFilter, trainWorkSubject } from "../shared/protocol/subjects.ts";
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
 * Tells of chunks that come into quarantine. A run with a quorum goes on without their labels; another labels all else
 * first, as they may be let out meanwhile.
 */
export async function tellQuarantine(
  { store, notice, quarantine }: CoordinatorContext,
  absent: AbsentTeachers,
  signal: AbortSignal,
): Promise<void> {
  const told = new Set<string>();
  let version = -1;
  while (!signal.aborted) {
    await quarantine.changedSince(version, signal);
    version = quarantine.version;
    const inside = new Set(quarantine.of(workFilters(store.record)));
    for (const subject of told) if (!inside.has(subject)) told.delete(subject);
    for (const subject of inside) {
      if (told.has(subject) || signal.aborted) continue;
      told.add(subject);
      const goesOn = absent.leaveOutChunk(store.record, subject)
        ? "the run goes on without its labels, by its quorum"
        : "the run goes on with the others";
      notice(
        `in quarantine, as no node came to its end: ${subject}; ${goesOn}; see \`stillhouse quarantine list\``,
      );
    }
  }
}

/** Fails a run that waits for nothing but chunks in quarantine, unless they were let out just now. @throws RunFailed */
export async function failStuck(
  { bus, store, notice }: CoordinatorContext,
  subjects: readonly string[],
): Promise<void> {
  const { run } = store.record;
  const inside = await listQuarantined(bus, subjects, notice);
  const [first] = inside;
  if (!first || inside.length < subjects.length) return;
  const told = `${first.subject}: ${attemptsText(first.attempts)}`;
  throw new RunFailed(
    `Run ${run} failed as ${subjects.length} of its chunks are in quarantine and all else is labelled: ${told}. \`stillhouse quarantine list\` shows each; started again, the run tries them again`,
    { fields: { run, subjects } },
  );
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
