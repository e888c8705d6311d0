import { availableParallelism } from "node:os";
import { Command, Option } from "commander";
import { type CaseName, caseNames, cases } from "./cases.ts";
import { type PeerName, peerNames } from "./contestants.ts";
import { addDistill } from "./distill/command.ts";
import { labelsTable } from "./labels/labelsTable.ts";
import { type LabelsOptions, runLabels } from "./labels/runLabels.ts";
import { addMemory } from "./memory/command.ts";
import { optimizerNames } from "./optimizers.ts";
import { count, listOf, positive, write } from "./options.ts";
import { addOverlap } from "./overlap/command.ts";
import { addPipeline } from "./pipeline/command.ts";
import { type BenchOptions, runBench } from "./runBench.ts";
import { table } from "./table.ts";
import type { Bench } from "./task.ts";

interface Flags extends Omit<BenchOptions, "bench" | "pythons" | "peers"> {
  peers: PeerName[] | undefined;
  python: string;
  python2: string | undefined;
  json: string | true | undefined;
}

const program = new Command("bench").description(
  "Measures what a training step and a teacher's forward pass take, beside other libraries, label encodings (docs/encodings.md), and what the distributed engine costs (docs/benchmarks.md).",
);
addBench("step", "the training loop's own step", caseNames).addOption(
  new Option("--optimizers <names>", `of ${optimizerNames.join(", ")}`)
    .argParser(listOf(optimizerNames))
    .default(optimizerNames, "all"),
);
addBench(
  "predict",
  "a teacher's forward pass",
  caseNames.filter((name) => cases[name].predicted),
);
addLabels();
addPipeline(program);
addOverlap(program);
addMemory(program);
addDistill(program);
await program.parseAsync();

function addLabels(): void {
  program
    .command("labels")
    .description("how fast and how small label encodings are, and what they lose")
    .addOption(
      new Option("--classes <numbers>", "of 10, 1000, 50257")
        .argParser((text) => listOf(["10", "1000", "50257"])(text).map(Number))
        .default([10, 1000, 50_257], "all"),
    )
    .option("--blocks <n>", "turns that each contestant has, after one to warm up", count, 7)
    .option("--seconds <s>", "processor time of each turn", positive, 0.1)
    .option("--json [file]", "write the rows as JSON, to stdout where no file is named")
    .action(({ json, ...options }: LabelsOptions & { json: string | true | undefined }) => {
      const rows = runLabels(options, (line) => console.error(line));
      write(rows, labelsTable(rows), json);
    });
}

function addBench(bench: Bench, what: string, defaultCases: readonly CaseName[]): Command {
  return program
    .command(bench)
    .description(what)
    .addOption(
      new Option("--cases <names>", `of ${caseNames.join(", ")}`)
        .argParser(listOf(caseNames))
        .default(defaultCases, defaultCases.join(",")),
    )
    .addOption(
      new Option("--batches <sizes>", "samples a step")
        .argParser((text) => text.split(",").map(count))
        .default([32, 128, 512], "32,128,512"),
    )
    .option(
      "--threads <n>",
      "threads of every contestant; default: 2, or 1 on one core",
      count,
      Math.min(2, availableParallelism()),
    )
    .option("--blocks <n>", "turns that each contestant has, each in a fresh process", count, 5)
    .option("--seconds <s>", "time measured in each block", positive, 2)
    .option("--spinning", "waiting threads of the compiled backend keep their core", false)
    .addOption(
      new Option(
        "--peers <names>",
        `of ${peerNames.join(", ")}; default: all that there is a python for`,
      ).argParser(listOf(peerNames)),
    )
    .option("--python <path>", "interpreter with PyTorch", process.env.STILLHOUSE_BENCH_PYTHON ?? "python3")
    .option("--python2 <path>", "interpreter with another PyTorch, for rows of its own")
    .option("--json [file]", "write the rows as JSON, to stdout where no file is named")
    .action((flags: Flags) => run(bench, flags));
}

async function run(bench: Bench, { python, python2, json, ...flags }: Flags): Promise<void> {
  const rows = await runBench(
    {
      ...flags,
      bench,
      peers: flags.peers ?? peerNames.filter((peer) => python2 !== undefined || !peer.endsWith("2")),
      pythons: { first: python, second: python2 },
    },
    (line) => console.error(line),
  );
  write(rows, table(rows), json);
}
