import { type Command, Option } from "commander";
import { serviceKinds } from "../cluster/serviceTimes.ts";
import { count, notNegative, positive, write } from "../options.ts";
import { overlapTable } from "./overlapTable.ts";
import { type OverlapOptions, runOverlap } from "./runOverlap.ts";

interface Flags extends Omit<OverlapOptions, "service"> {
  service: (typeof serviceKinds)[number];
  variation: number;
  json: string | true | undefined;
}

/** `bench overlap`. */
export function addOverlap(program: Command): void {
  program
    .command("overlap")
    .description(
      "how long a student on one thread waits for simulated teachers that take as long as real ones",
    )
    .option("--teachers <n>", "of them", count, 3)
    .option("--teacher-width <n>", "units of each of a teacher's two layers", count, 1200)
    .option("--student-width <n>", "units of each of the student's two layers", count, 800)
    .option("--epochs <n>", "of the student", count, 1)
    .option("--samples <n>", "random samples in place of MNIST", count)
    .option("--blocks <n>", "turns", count, 3)
    .option("--seconds <s>", "each forward pass and step is timed for", positive, 2)
    .addOption(
      new Option("--service <kind>", "distribution of a chunk's service time")
        .choices(serviceKinds)
        .default("lognormal"),
    )
    .option("--variation <x>", "its deviation over its mean, of lognormal", notNegative, 0.25)
    .option("--json [file]", "write the rows as JSON, to stdout where no file is named")
    .action(async ({ json, service, variation, ...flags }: Flags) => {
      const rows = await runOverlap({ ...flags, service: { kind: service, variation } }, (line) =>
        console.error(line),
      );
      write(rows, overlapTable(rows), json);
    });
}
