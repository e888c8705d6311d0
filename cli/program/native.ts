import { type Command, Option } from "commander";
import { exit } from "./options.ts";

/** `stillhouse native ...`. */
export function nativeCommands(program: Command): void {
  const native = program
    .command("native")
    .description(
      "TensorFlow's own library as a backend, built here against the libraries of its Python wheel",
    );
  const gpuOption = new Option("--gpu", "the build for NVIDIA GPUs, with CUDA's libraries").default(false);
  const nativeDirOption = new Option(
    "--dir <folder>",
    "where builds lie; default: STILLHOUSE_NATIVE_DIR, else in the user's cache",
  );

  native
    .command("install")
    .description("build it: needs Python with pip, npm and a C++ compiler, and 2 GB of disk while it builds")
    .option("--tensorflow <version>", "of the wheel; default: the version that Stillhouse was tested with")
    .addOption(gpuOption)
    .option("--python <command>", "a Python that has pip; default: python3 on PATH")
    .addOption(nativeDirOption)
    .option("--again", "build it although it is there", false)
    .addHelpText(
      "after",
      `
pip and npm take what they are set up to take: PIP_INDEX_URL, PIP_FIND_LINKS and npm's own settings hold. CXX names the
compiler.`,
    )
    .action(async (options) => exit((await import("../commands/native.ts")).install(options)));

  native
    .command("status")
    .description("show the builds of this machine")
    .addOption(nativeDirOption)
    .action(async (options) => exit((await import("../commands/native.ts")).status(options)));

  native
    .command("remove")
    .description("remove the build")
    .addOption(gpuOption)
    .addOption(nativeDirOption)
    .action(async (options) => exit((await import("../commands/native.ts")).remove(options)));

  native
    .command("check", { hidden: true })
    .argument("<folder>")
    .action(async (folder) => exit((await import("../commands/native.ts")).check(folder)));
}
