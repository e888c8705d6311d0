import type { Command } from "commander";
import { count, positive, write } from "../options.ts";
import { runDeaths } from "./runDeaths.ts";
import { runMemory } from "./runMemory.ts";
import { deathsTable, memoryTable } from "./tables.ts";

interface Flags {
  samples: number;
  classes: number;
  nodes: number;
  seconds: number;
  deaths: number | undefined;
  atOnce: number;
  settle: number;
  json: string | true | undefined;
}

/** `bench memory`. */
export function addMemory(program: Command): void {
  program
    .command("memory")
    .description("memory of each role while samples go through, or what dead nodes leave on the server")
    .option("--samples <n>", "simulated samples; with --deaths each is a chunk", count, 1_000_000)
    .option("--classes <n>", "of their labels", count, 10)
    .option("--nodes <n>", "teacher nodes", count, 4)
    .option("--seconds <s>", "that they are to take", positive, 300)
    .option("--deaths <n>", "instead: teacher nodes that join a run and die in the middle of a chunk", count)
    .option("--at-once <n>", "of them that live at the same time", count, 4)
    .option("--settle <s>", "from the last death to the last look", positive, 75)
    .option("--json [file]", "write the rows as JSON, to stdout where no file is named")
    .action(async ({ json, settle, deaths, ...flags }: Flags) => {
      const say = (line: string): void => console.error(line);
      if (deaths === undefined) {
        const rows = await runMemory(flags, say);
        return write(rows, memoryTable(rows), json);
      }
      const rows = await runDeaths({ ...flags, deaths, settleSeconds: settle }, say);
      write(rows, deathsTable(rows), json);
    });
}
