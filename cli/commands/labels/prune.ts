import { type KnownLabels, readKnown } from "../../../coordinator/labelLog/known.ts";
import { prune as pruneLog } from "../../../coordinator/labelLog/prune.ts";
import { type PruneChoice, type PrunePlan, planPrune } from "../../../coordinator/labelLog/prunePlan.ts";
import { type LabelGroup, surveyLog } from "../../../coordinator/labelLog/survey.ts";
import { systemClock } from "../../../shared/bus/clock.ts";
import { StillhouseError } from "../../../shared/errors.ts";
import { streams } from "../../../shared/protocol/subjects.ts";
import { canAsk, confirm } from "../../local/confirm.ts";
import { many, size } from "../../view/numbers.ts";
import { Progress } from "../../view/progress.ts";
import { onServer, type StoreChoice } from "../onServer.ts";
import { filtersOf } from "./filters.ts";

export interface PruneOptions extends StoreChoice {
  labelling?: string;
  olderThan?: number;
  run?: string;
  orphans?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

/** Nobody has said that labels are to be deleted. */
export class NotConfirmed extends StillhouseError {}

/** `stillhouse labels prune`: deletes labels that no live run needs, after saying which. */
export function prune(options: PruneOptions): Promise<number> {
  const { labelling, olderThan: olderThanDays, run, orphans } = options;
  const choice: PruneChoice = { labelling, olderThanDays, run, orphans };
  const after = "What had been deleted is gone; the same command goes on.";
  return onServer(options, "labels prune", after, async ({ bus, signal, say }) => {
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    const known = await readKnown(bus);
    const { messages: total } = await log.size();
    const listing = new Progress("listing", "messages/s");
    const { groups } = await surveyLog({
      log,
      filters: filtersOf(known, options),
      signal,
      onProgress: (done) => listing.update(done, total),
    }).finally(() => listing.end());
    const plan = planPrune(groups, known, choice, systemClock.now());
    const told = `${many(plan.messages, "message")}, ${size(plan.bytes)}`;
    process.stdout.write(`${planLines(plan, known).join("\n")}\n`);
    if (plan.remove.length === 0) return 0;
    if (options.dryRun) {
      process.stdout.write(`Nothing was deleted: --dry-run. It would be ${told}.\n`);
      return 0;
    }
    if (!options.yes) {
      if (!canAsk()) {
        throw new NotConfirmed(
          `Cannot delete ${told} from ${bus.address} as nobody has said so: give --yes, or call it in a terminal to be asked`,
        );
      }
      if (!(await confirm(`Delete ${told} from ${bus.address}?`, signal))) {
        say("Nothing was deleted.");
        return 0;
      }
    }
    const deleting = new Progress("deleting", "messages/s");
    const pruned = await pruneLog(bus, plan, groups, signal, (done) =>
      deleting.update(done, plan.messages),
    ).finally(() => deleting.end());
    process.stdout.write(`Deleted ${many(pruned.messages, "message")}, ${size(plan.bytes)}.\n`);
    return 0;
  });
}

function planLines({ remove, kept }: PrunePlan, known: KnownLabels): string[] {
  const byLabelling = new Map<string, LabelGroup[]>();
  for (const group of remove) {
    byLabelling.set(group.labelling, [...(byLabelling.get(group.labelling) ?? []), group]);
  }
  const nameOf = (labelling: string): string => {
    const names = [...(known.labellings.get(labelling)?.names ?? [])];
    return `${names.length > 0 ? names.join(", ") : "unknown teacher"}  ${labelling}`;
  };
  const gone = [...byLabelling].map(([labelling, of]) => {
    const messages = of.reduce((sum, group) => sum + group.messages, 0);
    const bytes = of.reduce((sum, group) => sum + group.bytes, 0);
    const last = new Date(Math.max(...of.map(({ newestMs }) => newestMs))).toISOString().slice(0, 16);
    const uses = (known.labellings.get(labelling)?.uses ?? []).map(({ run, state }) => `${run} (${state})`);
    return `  ${nameOf(labelling)}: ${many(messages, "message")} of ${many(of.length, "shard")}, ${size(bytes)}, the last of ${last}Z; used by ${uses.join(", ") || "no run"}`;
  });
  const stays = [...kept].map(
    ([labelling, runs]) =>
      `  ${nameOf(labelling)}: needed by ${runs.map((run) => `${run} (${known.runs.get(run)})`).join(", ")}`,
  );
  return [
    ...(gone.length > 0 ? ["to be deleted", ...gone] : ["Nothing is to be deleted."]),
    ...(stays.length > 0 ? ["stays", ...stays] : []),
  ];
}
