import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { write } from "../../bench/options.ts";
import { seedNumber } from "../../cli/program/options.ts";
import { addCounts, countsTable, failureText, summaryOf } from "./results.ts";
import { type Simulated, simulate, simulateCalm } from "./simulate.ts";
import { measurePoint, type SweepRow, saturation, sweepPoints, sweepTable } from "./sweep.ts";

interface Flags {
  seeds: number;
  from: number;
  seed: number | undefined;
  trace: string | undefined;
  sweep: true | undefined;
  most: number;
  json: string | true | undefined;
}

const program = new Command("simulate")
  .description(
    "Runs coordinators, teacher nodes and student nodes in one process, on a simulated clock and a bus that loses, delays and repeats (docs/simulation.md).",
  )
  .option("--seeds <n>", "how many seeds", seedNumber, 20)
  .option("--from <seed>", "the first of them", seedNumber, 1)
  .option("--seed <seed>", "this one alone, with the last lines of its trace", seedNumber)
  .option("--trace <file>", "of one seed, write all of its trace there")
  .option("--sweep", "no faults: how much a coordinator takes, from 1 teacher node on")
  .option("--most <n>", "of teacher nodes in a sweep", seedNumber, 1000)
  .option("--json [file]", "write the results as JSON, to stdout where no file is named")
  .action((flags: Flags) => (flags.sweep ? sweep(flags) : run(flags)));
await program.parseAsync();

async function run({ seeds, from, seed, trace, json }: Flags): Promise<void> {
  const calm = await simulateCalm();
  const list = seed === undefined ? Array.from({ length: seeds }, (_, i) => from + i) : [seed];
  const counts = new Map<string, number>();
  const all: ReturnType<typeof summaryOf>[] = [];
  const failed: Simulated[] = [];
  for (const one of list) {
    const lines: string[] = [];
    const simulated = await simulate(one, { calm, ...(trace && { onLine: (line) => lines.push(line) }) });
    if (trace) writeFileSync(trace, `${lines.join("\n")}\n`);
    addCounts(counts, simulated.counts);
    all.push(summaryOf(simulated));
    if (simulated.failure === undefined) {
      if (seed !== undefined)
        console.error(`${simulated.struck.join("\n")}\n${simulated.lastLines.join("\n")}`);
    } else {
      failed.push(simulated);
      console.error(failureText(simulated));
    }
  }
  write(
    { seeds: all, counts: Object.fromEntries(counts) },
    `${list.length - failed.length} of ${list.length} seeds came to the state of the calm run.\n${countsTable(counts)}`,
    json,
  );
  if (failed.length > 0) process.exitCode = 1;
}

async function sweep({ most, json }: Flags): Promise<void> {
  const rows: SweepRow[] = [];
  for (const point of sweepPoints(most)) {
    rows.push(await measurePoint(point));
    console.error(`${point.teachers} teacher nodes, ${point.students} students: done`);
  }
  write(rows, `${sweepTable(rows)}\n\n${saturation(rows)}`, json);
}
