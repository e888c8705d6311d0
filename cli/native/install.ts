import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  machineName,
  NATIVE_FORMAT,
  type NativeBuild,
  type NativeKind,
  packageFolder,
} from "../../shared/compute/native/nativeBuild.ts";
import { bindingSources, OPENER_SOURCE } from "./bindingSources.ts";
import { buildName, downloadsFolder, openDraft, placeBuild, sizeOf } from "./buildsFolder.ts";
import type { CheckedBuild } from "./checkBuild.ts";
import { type Compiler, compile, findCompiler } from "./compiler.ts";
import { downloadCuda, unpackCuda } from "./cudaWheels.ts";
import { findPython } from "./findPython.ts";
import { installPackages, TFJS_NODE } from "./npmPackages.ts";
import { NativeInstallFailed } from "./tool.ts";
import { LIBRARIES, tensorflowParts, unpackWheel } from "./unpackWheel.ts";
import { downloadWheel, tensorflowPackage } from "./wheels.ts";

export interface NativeInstall {
  kind: NativeKind;
  /** Version of the wheel. */
  tensorflow: string;
  /** As the user named it. */
  python: string | undefined;
  /** The folder of builds. */
  root: string;
  signal: AbortSignal;
  say(line: string): void;
  /** Loads the build of a folder in a process of its own. */
  check(folder: string): Promise<CheckedBuild>;
}

/**
 * Builds the binding of @tensorflow/tfjs-node against the libraries in a wheel of TensorFlow. All is made in a draft,
 * which becomes the build when it has computed something right.
 * @throws NativeInstallFailed
 */
export async function installNative(
  task: NativeInstall,
): Promise<{ build: NativeBuild; checked: CheckedBuild }> {
  const { kind, tensorflow, root, signal, say } = task;
  refuseOtherMachines();
  const python = await findPython(task.python);
  const compiler = await findCompiler();
  say(`Python ${python.version}, ${compiler.version}`);
  const requirement = `${tensorflowPackage(kind)}==${tensorflow}`;
  const downloads = downloadsFolder(root);
  say(`downloading ${requirement} by pip, several hundred MB`);
  const wheel = await downloadWheel(requirement, downloads, python, signal);
  const cuda = kind === "gpu" ? await downloadCuda(wheel, downloads, python, task) : [];
  const draft = await openDraft(root);
  try {
    say("unpacking its libraries and C headers");
    const { libraries, headers } = tensorflowParts;
    await unpackWheel(wheel, draft, [...libraries, ...headers], python, signal);
    if (kind === "gpu") await unpackCuda(cuda, draft, python, signal);
    say(`fetching @tensorflow/tfjs-node ${TFJS_NODE} by npm`);
    await installPackages(draft, signal);
    say("compiling the binding");
    await compileAll(draft, compiler, signal);
    await rm(join(draft, "tensorflow", "include"), { recursive: true, force: true });
    say("checking it");
    const checked = await task.check(draft);
    signal.throwIfAborted();
    const build: NativeBuild = {
      format: NATIVE_FORMAT,
      kind,
      folder: buildName(kind, tensorflow, Date.now()),
      tensorflow: checked.tensorflow,
      tfjsNode: TFJS_NODE,
      machine: machineName,
      compiler: compiler.version,
      bytes: await sizeOf(draft),
    };
    await placeBuild(root, draft, build);
    await rm(downloads, { recursive: true, force: true });
    return { build, checked };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function compileAll(draft: string, compiler: Compiler, signal: AbortSignal): Promise<void> {
  const folder = packageFolder(draft);
  // Where the package looks: `binary.module_path` of its package.json.
  const bindingFolder = join(folder, "lib", "napi-v8");
  await mkdir(bindingFolder, { recursive: true });
  const includes = [
    join(draft, "node_modules", "node-api-headers", "include"),
    join(draft, "tensorflow", "include"),
  ];
  const libraries = { folder: join(draft, "tensorflow"), names: LIBRARIES };
  await compile(
    compiler,
    {
      sources: await bindingSources(folder),
      output: join(bindingFolder, "tfjs_binding.node"),
      includes,
      libraries: { ...libraries, fromOutput: "../../../../../tensorflow" },
    },
    signal,
  );
  await compile(
    compiler,
    {
      sources: [OPENER_SOURCE],
      output: join(draft, "open_quietly.node"),
      includes,
      libraries: { ...libraries, names: [], fromOutput: "tensorflow" },
    },
    signal,
  );
}

function refuseOtherMachines(): void {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  if (machineName === "linux-x64" || machineName === "linux-arm64") {
    if (header.glibcVersionRuntime !== undefined) return;
    throw new NativeInstallFailed(
      "Cannot build the native binding here: wheels of TensorFlow need the GNU C library, which this Linux does not have",
    );
  }
  throw new NativeInstallFailed(
    `Cannot build the native binding on ${machineName}: expected linux-x64 or linux-arm64; elsewhere \`npm rebuild @tensorflow/tfjs-node\` may have a binding`,
    { fields: { machine: machineName } },
  );
}
