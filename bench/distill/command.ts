import { type Command, Option } from "commander";
import { count, listOf, write } from "../options.ts";
import { distillTable } from "./distillTable.ts";
import { type DistillOptions, distillPeers, runDistill } from "./runDistill.ts";

interface Flags extends DistillOptions {
  json: string | true | undefined;
}

/** `bench distill`. */
export function addDistill(program: Command): void {
  program
    .command("distill")
    .description("a whole distillation of MNIST, beside one process of PyTorch, by clock and processors")
    .addOption(
      new Option("--epochs <numbers>", "of the student, each a case")
        .argParser((text) => text.split(",").map(count))
        .default([1, 5, 20], "1,5,20"),
    )
    .option("--teachers <n>", "two layers of 1,200 each", count, 3)
    .option("--teacher-epochs <n>", "of their training, which is not timed", count, 2)
    .option("--batch <n>", "samples a step", count, 128)
    .option("--threads <n>", "of the student, and of PyTorch", count, 2)
    .option("--blocks <n>", "turns of each", count, 1)
    .addOption(
      new Option("--peers <names>", `of ${distillPeers.join(", ")}`)
        .argParser(listOf(distillPeers))
        .default([...distillPeers], "all"),
    )
    .option("--peer <script>", "the distillation in PyTorch", "../shared/peers/kd_mnist_torch.py")
    .option("--python <path>", "interpreter with PyTorch", process.env.STILLHOUSE_BENCH_PYTHON ?? "python3")
    .option("--json [file]", "write the rows as JSON, to stdout where no file is named")
    .action(async ({ json, ...options }: Flags) => {
      const rows = await runDistill(options, (line) => console.error(line));
      write(rows, distillTable(rows), json);
    });
}
