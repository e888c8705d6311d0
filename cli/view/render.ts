import pc from "picocolors";
import type { RunView, ViewTask } from "./runView.ts";

const BAR = 24;

/** The view of a run as lines for a terminal that is redrawn. */
export function renderScreen(view: RunView, columns: number): string {
  const { record } = view;
  const teachers = view.nodesOf("teacher");
  const lines = [
    `${pc.bold(record?.run ?? "starting")}  ${pc.cyan(record?.state ?? "")}  ${clockTime(view.elapsedSeconds)}  ` +
      pc.dim(
        `teacher nodes ${teachers.length}, student nodes ${view.nodesOf("student").length}, ` +
          `samples predicted ${teachers.reduce((sum, node) => sum + node.samplesPredicted, 0).toLocaleString("en")}`,
      ),
    ...view.tasks.map((task) => screenLine(task)),
  ];
  return lines.map((line) => cut(line, columns)).join("\n");
}

/** The view as one plain line, for a log file or a pipe. */
export function renderLine(view: RunView): string {
  const running = view.tasks.filter(({ finished }) => !finished).map(plainTask);
  const done = view.tasks.filter(({ finished }) => finished).length;
  return [
    `[${clockTime(view.elapsedSeconds)}] ${view.record?.state ?? "starting"}`,
    `${view.nodesOf("teacher").length} teacher nodes`,
    ...(done > 0 ? [`${done} done`] : []),
    ...running,
  ].join(" | ");
}

/** One task as a line with a bar, for a terminal. */
export function screenLine(task: ViewTask): string {
  const { name, done, total, finished } = task;
  const filled = Math.round((BAR * done) / total);
  const bar = `${"█".repeat(filled)}${pc.dim("░".repeat(BAR - filled))}`;
  const state = finished ? pc.green("done") : task.waiting ? pc.yellow("waits for labels") : facts(task);
  return `  ${name.padEnd(22)} ${bar} ${percent(task)} ${state}${finished ? ` ${pc.dim(scores(task))}` : ""}`;
}

/** The same without colours and bar. */
export function plainTask(task: ViewTask): string {
  return `${task.name} ${percent(task).trim()}${task.waiting ? " waits for labels" : ` ${facts(task)}`}`;
}

function facts(task: ViewTask): string {
  const rate = `${Math.round(task.rate).toLocaleString("en")} ${task.unit}`;
  const eta = task.etaSeconds === null ? "" : `, ${clockTime(task.etaSeconds)} left`;
  return [`${rate}${eta}`, scores(task), task.note].filter(Boolean).join(", ");
}

function scores({ loss, accuracy, score }: ViewTask): string {
  return [
    ...(loss === null ? [] : [`loss ${loss.toFixed(4)}`]),
    ...(accuracy === null ? [] : [`validation ${(accuracy * 100).toFixed(2)}%`]),
    ...(score ? [`validation ${score.name} ${score.value.toPrecision(4)}`] : []),
  ].join(", ");
}

function percent({ done, total }: ViewTask): string {
  return `${Math.floor((100 * done) / total)}%`.padStart(4);
}

export function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  const two = (n: number): string => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes % 60)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Cuts a line to a width, colours not counted. */
function cut(line: string, columns: number): string {
  let seen = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
  return line.replaceAll(/\u001b\[[0-9;]*m|[^\u001b]/gu, (piece) => {
    if (piece.startsWith("\u001b")) return piece;
    return seen++ < columns - 1 ? piece : "";
  });
}
