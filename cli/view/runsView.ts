import type { ListedRun } from "../../coordinator/listRuns.ts";
import { textTable } from "./textTable.ts";

/** Runs for people: a line each under a head, and under a failed one why. */
export function runsLines(runs: readonly ListedRun[], nowMs: number): string[] {
  if (runs.length === 0) return ["no runs"];
  const rows = runs.map((run) => [
    run.run,
    stateText(run),
    age(nowMs - run.createdAtMs),
    `${run.teachers.ready}/${run.teachers.of}`,
    run.labelled ? "all" : run.teachers.ready < run.teachers.of ? "" : "under way",
    `${run.trainings.finished}/${run.trainings.of}`,
    accuracyText(run),
  ]);
  const head = ["run", "state", "age", "teachers", "labels", "trainings", "test accuracy"];
  const [first, ...lines] = textTable([head, ...rows], head.length).split("\n") as [string, ...string[]];
  return [
    first,
    ...lines.flatMap((line, place) => {
      const { error } = runs[place] as ListedRun;
      return error ? [line, `  ${error}`] : [line];
    }),
  ];
}

function stateText({ state, pausedIn, stopped }: ListedRun): string {
  if (pausedIn) return `${state} in ${pausedIn}`;
  return stopped ? `${state}, stopped` : state;
}

function accuracyText({ accuracy }: ListedRun): string {
  if (!accuracy) return "";
  const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
  const alone = accuracy.alone === null ? "" : ` (alone ${percent(accuracy.alone)})`;
  return `${percent(accuracy.student)}${alone}`;
}

/** The largest unit that leaves at least one: 45 s, 12 min, 3 h, 2 days. */
function age(ms: number): string {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}
