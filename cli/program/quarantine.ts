import type { Command } from "commander";
import { stopSignals } from "../stopSignals.ts";
import { exit, serverOptions } from "./options.ts";

/** `stillhouse quarantine ...`. */
export function quarantineCommands(program: Command): void {
  const quarantine = program
    .command("quarantine")
    .description("work that no node came to the end of: what it is, how each try went, and trying it again")
    .addHelpText(
      "after",
      `
A chunk that was handed out five times, over which each node died, hung or failed, is asked for no more: the run labels all
else, and fails when nothing else is left. Mend the cause, let it out, and, where the run has failed, start it again.

  $ stillhouse quarantine list
  $ stillhouse quarantine retry demo-1a2b3c4d`,
    );
  const command = (name: string, description: string): Command =>
    serverOptions(quarantine.command(name).description(description)).argument(
      "[run]",
      "of what this run needs alone: its id, or the folder that was its --out",
    );

  command("list", "show what is in quarantine, and how each try went")
    .option("--json", "as JSON", false)
    .action(async (run, options) => {
      stopSignals();
      await exit((await import("../commands/quarantine.ts")).list(run, options));
    });
  command("retry", "let it out, to be tried again").action(async (run, options) => {
    stopSignals();
    await exit((await import("../commands/quarantine.ts")).retry(run, options));
  });
}
