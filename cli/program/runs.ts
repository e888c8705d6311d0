import type { Command } from "commander";
import { stopSignals } from "../stopSignals.ts";
import { exit, identifier, serverOptions } from "./options.ts";

const orders = {
  pause: "stop working on a run until it is resumed; its coordinator stays, trainings store a checkpoint",
  resume: "go on with a paused run",
  stop: "end the coordinators of a run and leave it as it is; started again, it goes on",
  cancel: "end a run for good; its labels, teachers and finished students stay",
} as const;

/** `stillhouse runs`, and what people tell runs and nodes. */
export function runsCommands(program: Command): void {
  const command = (name: string, description: string): Command =>
    serverOptions(program.command(name).description(description));

  command("runs", "list the runs of a server: where each stands, and what it came to")
    .option("--json", "as JSON", false)
    .addHelpText(
      "after",
      `
A run is planned, teaching, distilling, evaluating, done, paused, failed or cancelled. One that is "stopped" has no
coordinator: the command that began it goes on with it.

  $ stillhouse pause demo-1a2b3c4d
  $ stillhouse resume demo-1a2b3c4d
  $ stillhouse cancel runs/demo`,
    )
    .action(async (options) => {
      stopSignals();
      await exit((await import("../commands/runs.ts")).runs(options));
    });

  for (const [name, description] of Object.entries(orders) as [keyof typeof orders, string][]) {
    command(name, description)
      .argument("<run>", "id of the run, or the folder that was its --out")
      .action(async (run, options) => {
        stopSignals();
        await exit((await import("../commands/orders.ts")).order(run, name, options));
      });
  }

  command("drain", "let a teacher or student node finish what it has, hand back the rest, and end")
    .argument("<node>", "its name, as `stillhouse status` shows it", identifier)
    .addHelpText(
      "after",
      `
A teacher node finishes the chunks that it has; a training stores a checkpoint, from which another node goes on. SIGTERM
does the same to a process at hand.`,
    )
    .action(async (node, options) => {
      stopSignals();
      await exit((await import("../commands/orders.ts")).drain(node, options));
    });
}
