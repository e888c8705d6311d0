import { Command, Option } from "commander";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import { labelsCommands } from "./program/labels.ts";
import { nativeCommands } from "./program/native.ts";
import {
  backendOption,
  credsOption,
  dataRootOption,
  deviceOption,
  exit,
  graceOption,
  identifier,
  nameOption,
  natsOption,
  seedNumber,
  storeOption,
  wholeNumber,
} from "./program/options.ts";
import { quarantineCommands } from "./program/quarantine.ts";
import { runsCommands } from "./program/runs.ts";
import { stopSignals } from "./stopSignals.ts";

// Commands are loaded when they are called: a coordinator needs no TensorFlow, and `--help` needs nothing. Those that
// run long listen for the end before that, as a Ctrl-C, or the parent's death, may come while they load.
const program = new Command("stillhouse")
  .description("Distils what many models know into small ones, over one machine or a cluster.")
  .version("0.1.0")
  .showHelpAfterError("(stillhouse --help lists the commands)")
  .addHelpText(
    "after",
    `
Begin on one machine:
  $ stillhouse run examples/mnist/spec.yaml --out runs/mnist

On a cluster, with one NATS server (nats-server -js) that all reach:
  $ stillhouse teacher --nats nats://HOST:4222          on each machine that predicts
  $ stillhouse student --nats nats://HOST:4222          on the machine that trains
  $ stillhouse coordinator SPEC --nats nats://HOST:4222`,
  );

program
  .command("run")
  .description(
    "run a spec with all roles on this machine, to its report; the same command goes on where it stopped",
  )
  .argument("<spec>", "the spec, a YAML file (docs/spec.md)")
  .option("--out <folder>", "report and logs; default: runs/NAME")
  .addOption(storeOption)
  .addOption(natsOption)
  .addOption(credsOption)
  .addOption(
    new Option("--bus <kind>", "memory: all roles in one process, without a server").choices([
      "nats",
      "memory",
    ]),
  )
  .addOption(backendOption)
  .addOption(deviceOption)
  .option("--fresh", "start over where --out holds an earlier run; the label log is kept", false)
  .action(async (spec, options) => {
    stopSignals();
    await exit((await import("./commands/run.ts")).run(spec, options));
  });

program
  .command("compare")
  .description("run variants of a spec over one label log, choose on validation, and print a table")
  .argument("<spec>", "a spec with a key `compare`, a YAML file")
  .option("--out <folder>", "a folder a variant, and comparison.json; default: runs/NAME-compare")
  .addOption(storeOption)
  .addOption(natsOption)
  .addOption(credsOption)
  .addOption(backendOption)
  .addOption(deviceOption)
  .option("--fresh", "start over where --out holds earlier runs; the label log is kept", false)
  .addHelpText(
    "after",
    `
The spec is that of a run, and says which values to try; every combination is a variant:

  compare:
    vary:
      ensemble.rule: [arithmetic, geometric]
      distill.loss.temperature: [2, 4, 8]

Any path of the spec may be varied, \`teachers\` by lists of names. A teacher's passes are made once for all variants.
Stopped, the same command goes on with the variant that was under way.`,
  )
  .action(async (spec, options) => {
    stopSignals();
    await exit((await import("./commands/compare.ts")).compare(spec, options));
  });

program
  .command("plan")
  .description("check a spec against its data and print what a run would do: chunks, steps, sizes, bytes")
  .argument("<spec>", "the spec, a YAML file")
  .option("--json", "as JSON", false)
  .action(async (spec, options) => exit((await import("./commands/plan.ts")).plan(spec, options)));

program
  .command("coordinator")
  .description("coordinate one run; a second coordinator of the same run stands by")
  .argument("<spec>", "the spec, a YAML file")
  .option(
    "--threads <n>",
    "threads of one operator where the spec does not say, for good: they are written into the run; default: 1",
    wholeNumber,
  )
  .option("--run <id>", "id of the run, to go on with it or to stand by; default: a new one", identifier)
  .addOption(natsOption)
  .addOption(credsOption)
  .addOption(storeOption)
  .addOption(nameOption)
  .action(async (spec, options) => {
    stopSignals();
    await exit((await import("./commands/roles.ts")).coordinator(spec, options));
  });

/** A command that joins as a node: it serves all live runs until it is told to end. */
function nodeCommand(name: "teacher" | "student", description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(natsOption)
    .addOption(credsOption)
    .addOption(storeOption)
    .addOption(nameOption)
    .addOption(dataRootOption)
    .addOption(backendOption)
    .addOption(deviceOption)
    .addOption(graceOption)
    .action(async (options) => {
      stopSignals();
      await exit((await import("./commands/roles.ts"))[name](options));
    });
}

nodeCommand("teacher", "join as a teacher node: train and serve the teachers of all live runs");
nodeCommand("student", "join as a student node: train the students of live runs").option(
  "--workers <n>",
  "trainings at once; default: what the spec says",
  wholeNumber,
);

program
  .command("status")
  .description("show the runs, the nodes and the label log of a server")
  .addOption(natsOption)
  .addOption(credsOption)
  .addOption(storeOption)
  .option("--json", "as JSON", false)
  .action(async (options) => exit((await import("./commands/status.ts")).status(options)));

program
  .command("export")
  .description("write a model of a run to a file that others open, checked against TensorFlow.js")
  .argument("<run>", "id of the run, or the folder that was its --out")
  .addOption(new Option("--format <name>", "of the file").choices(["onnx"]).default("onnx"))
  .option("--out <file>", "default: RUN-MODEL.onnx in this folder")
  .option("--seed <n>", "the student of this seed; default: the run's first", seedNumber)
  .option("--student <name>", "one of the spec's moreStudents; left out: its student")
  .option("--baseline", "the student that was trained alone", false)
  .option("--teacher <name>", "a teacher instead of a student")
  .option("--fold <n>", "which model of a cross-fitted teacher, from 1", wholeNumber)
  .addOption(storeOption)
  .addOption(natsOption)
  .addOption(credsOption)
  .addHelpText(
    "after",
    `
The file takes any number of samples at once, in the range that the model was trained on (0 to 1 for images), and
gives logits.

  $ stillhouse export runs/demo --out student.onnx
  $ stillhouse export runs/demo --teacher conv`,
  )
  .action(async (run, options) => exit((await import("./commands/export.ts")).exportModel(run, options)));

program
  .command("inspect")
  .description("show what a model file takes and gives, and a spec for it as a teacher")
  .argument("<model>", "an ONNX file, the model.json of a TensorFlow.js model, or the folder of a SavedModel")
  .option("--data <spec>", "score it on the data of this spec, with the likely ways of preparing inputs")
  .addOption(
    new Option("--quantise <name>", "also compare it, made faster, with itself on that data").choices([
      "int8",
    ]),
  )
  .addOption(
    new Option("--split <name>", "of that data").choices(["validation", "test"]).default("validation"),
  )
  .addHelpText(
    "after",
    `
Wrong preprocessing is the usual reason why a teacher from elsewhere is poor: with --data the model is scored with what
the spec says of it, or as it is, and with what published models are often trained on.

  $ stillhouse inspect resnet.onnx
  $ stillhouse inspect resnet.onnx --data spec.yaml
  $ stillhouse inspect resnet.onnx --data spec.yaml --quantise int8`,
  )
  .action(async (model, options) => exit((await import("./commands/inspect.ts")).inspect(model, options)));

runsCommands(program);
quarantineCommands(program);
labelsCommands(program);

program
  .command("doctor")
  .description("show what this machine has, which backend computes here, and why the others do not")
  .option("--bench", "also time a training step of two small nets on each backend", false)
  .action(async (options) => exit((await import("./commands/doctor.ts")).doctor(options)));

nativeCommands(program);

program
  .command("keep-server", { hidden: true })
  .argument("<store>")
  .argument("<binary>")
  .action(async (store, binary) => (await import("./local/keeper.ts")).keepServer(store, binary));

// Who reads our lines may have seen enough, as `head` has: that is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  // A mistake of ours deserves its stack; what the user can mend, one clear message.
  process.stderr.write(
    `${error instanceof StillhouseError ? messageOf(error) : ((error as Error).stack ?? error)}\n`,
  );
  process.exitCode = 1;
}
