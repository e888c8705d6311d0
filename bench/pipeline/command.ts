import { type Command, Option } from "commander";
import { serviceKinds } from "../cluster/serviceTimes.ts";
import { count, listOf, notNegative, positive, write } from "../options.ts";
import type { PipelineCase } from "./cases.ts";
import { runManySubjects } from "./manySubjects.ts";
import { pipelineTable, subjectsTable } from "./pipelineTable.ts";
import { runPipeline } from "./runPipeline.ts";

interface Flags {
  classes: PipelineCase["classes"][];
  samples: number | undefined;
  nodes: number;
  processes: number;
  inFlight: number;
  blocks: number;
  service: (typeof serviceKinds)[number];
  serviceMs: number;
  variation: number;
  profile: string | undefined;
  load: number | undefined;
  subjects: number | undefined;
  json: string | true | undefined;
}

/** `bench pipeline`. */
export function addPipeline(program: Command): void {
  program
    .command("pipeline")
    .description(
      "labels from simulated teachers to a student's store, beside bare clients of the same server",
    )
    .addOption(
      new Option("--classes <numbers>", "of 10, 1000")
        .argParser((text) => listOf(["10", "1000"])(text).map(Number))
        .default([10, 1000], "both"),
    )
    .option("--samples <n>", "of the data, which each of 4 teachers labels", count)
    .option("--nodes <n>", "teacher nodes", count, 4)
    .option("--processes <n>", "that the nodes are divided among", count, 1)
    .option("--in-flight <n>", "labels.maxInFlight: chunks that may be queued or in work", count, 256)
    .option("--blocks <n>", "turns that each contestant has", count, 3)
    .addOption(
      new Option("--service <kind>", "distribution of a chunk's service time")
        .choices(serviceKinds)
        .default("lognormal"),
    )
    .option("--service-ms <ms>", "its mean; 0: answers come at once", notNegative, 0)
    .option("--variation <x>", "its deviation over its mean, of lognormal", notNegative, 0.5)
    .option("--load <s>", "then offer 0.1 to 1.25 of what was moved, each for so many seconds", positive)
    .option("--subjects <n>", "instead: what a coordinator takes on a log of so many messages", count)
    .option("--profile <folder>", "write a profile of each process of ours")
    .option("--json [file]", "write the rows as JSON, to stdout where no file is named")
    .action(async ({ json, service, serviceMs, variation, subjects, ...flags }: Flags) => {
      const say = (line: string): void => console.error(line);
      if (subjects !== undefined) {
        const rows = await runManySubjects(subjects, say);
        return write(rows, subjectsTable(rows), json);
      }
      const options = { ...flags, service: { kind: service, meanMs: serviceMs, variation } };
      const rows = await runPipeline(options, say);
      write(rows, pipelineTable(rows), json);
    });
}
