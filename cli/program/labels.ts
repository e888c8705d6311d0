import { type Command, Option } from "commander";
import { stopSignals } from "../stopSignals.ts";
import {
  backendOption,
  boundNumber,
  columnList,
  deviceOption,
  exit,
  hash,
  identifier,
  seedNumber,
  serverOptions,
  shareNumber,
} from "./options.ts";

/** `stillhouse labels ...`. */
export function labelsCommands(program: Command): void {
  const labels = program
    .command("labels")
    .description("the label log: what it holds, whether it is right, into it and out of it")
    .addHelpText(
      "after",
      `
Every label of every teacher stands in one log, and is never computed twice. docs/label-log.md tells more.

  $ stillhouse labels list                              what is there, and which runs use it
  $ stillhouse labels verify spec.yaml                  compute a hundredth of it again, and compare
  $ stillhouse labels export spec.yaml --out wide.npz   as a file for NumPy
  $ stillhouse labels import wide.npz --data spec.yaml  and back, as a teacher without a model
  $ stillhouse labels prune --older-than 30 --dry-run   what could go`,
    );
  const command = (name: string, description: string): Command =>
    labels.command(name).description(description);

  serverOptions(command("list", "show what the label log holds: whose labels, of what, how far, how large"))
    .option("--labelling <hash>", "of this labelling alone", hash)
    .option("--run <id>", "that this run reads alone", identifier)
    .option("--json", "as JSON, shard by shard", false)
    .addHelpText(
      "after",
      `
A labelling is a teacher with an encoding, a chunk size and features: labels of one are interchangeable. Names and data
come from the records of runs and imports; labels that no record knows are told by their hashes.`,
    )
    .action(async (options) => {
      stopSignals();
      await exit((await import("../commands/labels/list.ts")).list(options));
    });

  serverOptions(command("verify", "compute a share of the log's labels again on this machine, and compare"))
    .argument("<spec>", "the spec whose teachers and data they are of")
    .option("--teacher <name>", "of this teacher alone")
    .option("--share <s>", "of the chunks that the log has, how many: above 0, at most 1", shareNumber, 0.01)
    .option("--seed <n>", "which chunks: the same seed draws the same", seedNumber, 0)
    .option(
      "--bound <d>",
      "largest difference of a logit beyond the encoding's rounding; default: 1% of the largest logit, as `numerics: tolerant`, and the rounding of both",
      boundNumber,
    )
    .option("--json", "as JSON", false)
    .addOption(backendOption)
    .addOption(deviceOption)
    .addHelpText(
      "after",
      `
Teachers that are trained come from the store by their recipe, those of files from their files. Labels from elsewhere
cannot be computed again, which is said. Exit code 1: a message holds something else than its subject promises, a
difference is beyond the bound, the log has nothing of a teacher, or nothing could be computed again.

  $ stillhouse labels verify spec.yaml
  $ stillhouse labels verify spec.yaml --teacher wide --share 1`,
    )
    .action(async (spec, options) => {
      stopSignals();
      await exit((await import("../commands/labels/verify.ts")).verify(spec, options));
    });

  serverOptions(command("export", "write a teacher's labels into one NPZ file, for use elsewhere"))
    .argument("<spec>", "the spec whose teacher and data they are of")
    .requiredOption("--out <file>", "the NPZ file")
    .option("--teacher <name>", "which one; may be left out where the spec has one")
    .option("--view <n>", "number of the view; 0: the samples themselves", seedNumber, 0)
    .option("--partial", "write what the log has, also where samples lack labels", false)
    .addOption(
      new Option("--type <name>", "of the logits in the file")
        .choices(["float32", "float16"])
        .default("float32"),
    )
    .addHelpText(
      "after",
      `
The file holds, sorted by id: logits [samples, classes] (of regression values), ids, splits (0 train, 1 validation,
2 test, -1 none), labels or targets where the data has some, and meta, which is JSON.

  >>> f = numpy.load("wide.npz"); json.loads(f["meta"][0])["teacher"], f["logits"][f["splits"] == 0].shape

\`stillhouse labels import\` takes it back.`,
    )
    .action(async (spec, options) => {
      stopSignals();
      await exit((await import("../commands/labels/export.ts")).exportFile(spec, options));
    });

  serverOptions(
    command("import", "put the labels of a file into the label log, and print the teacher for a spec"),
  )
    .argument(
      "<file>",
      "NPZ with `logits` or `probabilities` [samples, classes] and `ids`, or NPY (docs/labels.md)",
    )
    .requiredOption(
      "--data <spec>",
      "the spec whose data they are of, and whose encoding and chunk size they get",
    )
    .addOption(
      new Option(
        "--output <kind>",
        "what the numbers are; default: what the array in the NPZ file is called",
      ).choices(["logits", "probabilities"]),
    )
    .option(
      "--ids <file>",
      "NPY file with the sample of each row; default: the file's own, else the data's order",
    )
    .option("--floor <p>", "smallest probability before the log; default: 1e-7", Number)
    .option("--columns <list>", "for each class of the data, its column in the file: 2,0,1", columnList)
    .option(
      "--teacher <name>",
      "of the spec: whose encoding the labels get; default: that of labels.encoding",
    )
    .action(async (file, options) => {
      stopSignals();
      await exit((await import("../commands/labels/import.ts")).importFile(file, options));
    });

  serverOptions(command("prune", "delete labels that no run needs which is not over"))
    .option("--labelling <hash>", "of this labelling, as `list` shows it", hash)
    .option("--run <id>", "that this run reads", identifier)
    .option(
      "--older-than <days>",
      "to which nothing was added for so long, for each shard by itself",
      boundNumber,
    )
    .option("--orphans", "that neither a run nor an import knows")
    .option("--dry-run", "only show what would go", false)
    .option("--yes", "do not ask", false)
    .addHelpText(
      "after",
      `
Of several choices all must hold. What a run reads that is neither done nor failed stays: named by --labelling or --run
it is an error, by age it is told. Labels of a model can be computed again, those of a file be imported again.

  $ stillhouse labels prune --orphans
  $ stillhouse labels prune --older-than 30 --dry-run`,
    )
    .action(async (options) => {
      stopSignals();
      await exit((await import("../commands/labels/prune.ts")).prune(options));
    });
}
