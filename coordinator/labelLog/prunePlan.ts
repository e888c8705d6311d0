import { StillhouseError } from "../../shared/errors.ts";
import { isLive } from "../../shared/protocol/run.ts";
import type { KnownLabels } from "./known.ts";
import type { LabelGroup } from "./survey.ts";

/** Which labels are to go: those for which all that is given here holds. */
export interface PruneChoice {
  readonly labelling?: string | undefined;
  /** Whose last message is older than so many days, for each shard by itself. */
  readonly olderThanDays?: number | undefined;
  /** That a run reads. */
  readonly run?: string | undefined;
  /** That no run and no import knows. */
  readonly orphans?: boolean | undefined;
}

/** Labels that are asked to go, and that a run needs which is not over. */
export class LabelsInUse extends StillhouseError {}

/** There are no such labels, or nothing says which. */
export class NothingToPrune extends StillhouseError {}

export interface PrunePlan {
  readonly remove: readonly LabelGroup[];
  readonly messages: number;
  readonly bytes: number;
  /** What else was chosen and stays, by labelling: the live runs that need it. */
  readonly kept: ReadonlyMap<string, readonly string[]>;
}

const DAY_MS = 24 * 3600 * 1000;

/**
 * Chooses what goes. Whatever a live run reads stays: asked for by its name that is an error, by age it is told.
 * @throws LabelsInUse, NothingToPrune
 */
export function planPrune(
  groups: readonly LabelGroup[],
  known: KnownLabels,
  choice: PruneChoice,
  nowMs: number,
): PrunePlan {
  requireReadable(known);
  requireThere(groups, known, choice);
  const { labelling, olderThanDays, run, orphans } = choice;
  const chosen = groups.filter((group) => {
    const record = known.labellings.get(group.labelling);
    return (
      (labelling === undefined || group.labelling === labelling) &&
      (run === undefined || record?.uses.some((use) => use.run === run)) &&
      (!orphans || !record) &&
      (olderThanDays === undefined || nowMs - group.newestMs > olderThanDays * DAY_MS)
    );
  });
  const kept = new Map<string, readonly string[]>();
  for (const group of chosen) {
    const needing = liveRunsOf(known, group.labelling);
    if (needing.length > 0) kept.set(group.labelling, needing);
  }
  if (labelling !== undefined || run !== undefined) refuseNeeded(kept, known);
  const remove = chosen.filter((group) => !kept.has(group.labelling));
  return {
    remove,
    messages: remove.reduce((sum, { messages }) => sum + messages, 0),
    bytes: remove.reduce((sum, { bytes }) => sum + bytes, 0),
    kept,
  };
}

/** @throws LabelsInUse where a live run reads one of them by now */
export function requireUnused(known: KnownLabels, labellings: Iterable<string>): void {
  requireReadable(known);
  const needed = [...new Set(labellings)].flatMap((labelling) => {
    const runs = liveRunsOf(known, labelling);
    return runs.length > 0 ? [[labelling, runs] as const] : [];
  });
  refuseNeeded(new Map(needed), known);
}

/** @throws LabelsInUse where a run has begun with labels while they were deleted, which it may wait for in vain */
export function requireNoneBegan(known: KnownLabels, labelling: string): void {
  const runs = liveRunsOf(known, labelling);
  if (runs.length === 0) return;
  throw new LabelsInUse(
    `Labelling ${labelling} was deleted while run ${runs.join(", ")} began, which needs it: stop that run and start it again, so that it asks for what is missing`,
    { fields: { labelling, runs } },
  );
}

function liveRunsOf({ labellings }: KnownLabels, labelling: string): string[] {
  return (labellings.get(labelling)?.uses ?? []).filter(isLive).map(({ run }) => run);
}

function refuseNeeded(
  needed: ReadonlyMap<string, readonly string[]>,
  { runs, labellings }: KnownLabels,
): void {
  const [first] = needed;
  if (!first) return;
  const [labelling, needing] = first;
  const names = [...(labellings.get(labelling)?.names ?? [])].join(", ");
  const live = needing.map((run) => `${run}, which is ${runs.get(run)}`).join("; ");
  throw new LabelsInUse(
    `Cannot prune labelling ${labelling} (${names}) as it is needed by run ${live}: expected runs that are over; let it come to its end, or cancel it`,
    { fields: { labelling, runs: needing } },
  );
}

/** A record that cannot be read may be of a run that needs anything. */
function requireReadable({ unread }: KnownLabels): void {
  if (unread.length === 0) return;
  throw new LabelsInUse(
    `Cannot prune as ${unread.length} records of runs or imports cannot be read, and may need any labels: ${unread[0]}; prune with the version that wrote them`,
    { fields: { unread } },
  );
}

function requireThere(groups: readonly LabelGroup[], known: KnownLabels, choice: PruneChoice): void {
  const { labelling, olderThanDays, run, orphans } = choice;
  if (labelling === undefined && olderThanDays === undefined && run === undefined && !orphans) {
    throw new NothingToPrune(
      "Cannot prune without a choice: give --labelling HASH, --run RUN, --older-than DAYS or --orphans; `stillhouse labels list` shows what there is",
    );
  }
  if (run !== undefined && !known.runs.has(run)) {
    throw new NothingToPrune(
      `Cannot prune the labels of run "${run}": there is no such run; expected one of [${[...known.runs.keys()].join(", ")}]`,
      { fields: { run } },
    );
  }
  if (labelling !== undefined && !groups.some((group) => group.labelling === labelling)) {
    const there = new Set([...known.labellings.keys(), ...groups.map((group) => group.labelling)]);
    throw new NothingToPrune(
      `Cannot prune labelling "${labelling}": the log has none of its labels; expected one of [${[...there].join(", ")}]`,
      { fields: { labelling } },
    );
  }
}
