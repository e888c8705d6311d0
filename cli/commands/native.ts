import { join, resolve } from "node:path";
import {
  BadNativeBuild,
  type NativeBuild,
  type NativeKind,
  nativeKinds,
  readNativeBuild,
} from "../../shared/compute/native/nativeBuild.ts";
import { nativeFolder } from "../../shared/compute/native/nativeFolder.ts";
import { quietTensorflow } from "../../shared/compute/native/quietTensorflow.ts";
import { messageOf } from "../../shared/errors.ts";
import { mainScript } from "../local/mainScript.ts";
import { removeBuild, removeRest } from "../native/buildsFolder.ts";
import type { CheckedBuild } from "../native/checkBuild.ts";
import { installNative } from "../native/install.ts";
import { TFJS_NODE } from "../native/npmPackages.ts";
import { NativeInstallFailed, runTool } from "../native/tool.ts";
import { TESTED_TENSORFLOW } from "../native/wheels.ts";
import { stopSignals } from "../stopSignals.ts";

export interface NativeOptions {
  dir?: string;
  gpu?: boolean;
}

export interface NativeInstallOptions extends NativeOptions {
  tensorflow?: string;
  python?: string;
  again?: boolean;
}

const INTERRUPTED = 130;

/** `stillhouse native install`: builds it, unless it is there. */
export async function install(options: NativeInstallOptions): Promise<number> {
  const signal = stopSignals();
  const root = rootOf(options);
  const kind = kindOf(options);
  const tensorflow = options.tensorflow ?? TESTED_TENSORFLOW;
  const there = options.again ? null : await usableBuild(kind, root, signal);
  if (there && there.tensorflow === tensorflow && there.tfjsNode === TFJS_NODE) {
    print(`It is there: ${describe(there)}, in ${join(root, there.folder)}`);
    return 0;
  }
  const began = performance.now();
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(0)} s`;
  const say = (line: string): void => void process.stderr.write(`[${seconds()}] ${line}\n`);
  try {
    const { build, checked } = await installNative({
      ...{ kind, tensorflow, root, signal, say, python: options.python },
      check: (folder) => checkInProcess(folder, signal),
    });
    print(
      `Built ${describe(build)}, in ${join(root, build.folder)}, in ${seconds()}`,
      `A convolution and its gradients are at most ${checked.difference.toExponential(1)} from TensorFlow.js's; it computes on ${checked.gpu ? "a GPU" : "the CPU"}`,
      ...(kind === "gpu" && !checked.gpu ? ["TensorFlow sees no GPU here: it will compute on the CPU"] : []),
      root === nativeFolder()
        ? `Backend ${backendOf(kind)} uses it (stillhouse doctor)`
        : `To use it, set STILLHOUSE_NATIVE_DIR=${root}`,
    );
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    process.stderr.write(
      "Interrupted. Nothing was changed; the same command starts again, with what was downloaded.\n",
    );
    return INTERRUPTED;
  }
}

/** `stillhouse native status`: the builds that are there. @returns 1 when there is none that can be used */
export async function status(options: NativeOptions): Promise<number> {
  const root = rootOf(options);
  const signal = stopSignals();
  let usable = 0;
  for (const kind of nativeKinds) {
    try {
      const build = readNativeBuild(kind, root);
      if (build === null) {
        print(`${kind}  none; make one with: stillhouse native install${kind === "gpu" ? " --gpu" : ""}`);
        continue;
      }
      const { gpu } = await checkInProcess(join(root, build.folder), signal);
      print(
        `${kind}  ${describe(build)}; computes on ${gpu ? "a GPU" : "the CPU"}; ${join(root, build.folder)}`,
      );
      usable++;
    } catch (error) {
      print(`${kind}  ${messageOf(error)}`);
    }
  }
  return usable > 0 ? 0 : 1;
}

/** `stillhouse native remove`: the build of a kind, and what an interrupted installation has left. */
export async function remove(options: NativeOptions): Promise<number> {
  const root = rootOf(options);
  const kind = kindOf(options);
  const had = await removeBuild(root, kind);
  await removeRest(root);
  print(had ? `Removed the ${kind} build from ${root}` : `There is no ${kind} build in ${root}`);
  return 0;
}

/** `stillhouse native check FOLDER`, for the installation itself: what a build computes, as one line of JSON. */
export async function check(folder: string): Promise<number> {
  quietTensorflow();
  const { checkBuild } = await import("../native/checkBuild.ts");
  print(JSON.stringify(await checkBuild(resolve(folder))));
  return 0;
}

/** In a process of its own: a library that crashes takes its process with it, and one process holds one build. */
async function checkInProcess(folder: string, signal: AbortSignal): Promise<CheckedBuild> {
  const args = [...process.execArgv, mainScript, "native", "check", folder];
  const said = await runTool("load the native binding", process.execPath, args, { signal });
  return JSON.parse(said.trim().split("\n").at(-1) ?? "");
}

async function usableBuild(kind: NativeKind, root: string, signal: AbortSignal): Promise<NativeBuild | null> {
  try {
    const build = readNativeBuild(kind, root);
    if (build) await checkInProcess(join(root, build.folder), signal);
    return build;
  } catch (error) {
    if (signal.aborted || !(error instanceof BadNativeBuild || error instanceof NativeInstallFailed))
      throw error;
    process.stderr.write(`${messageOf(error)}\nBuilding it again.\n`);
    return null;
  }
}

const rootOf = ({ dir }: NativeOptions): string => resolve(dir ?? nativeFolder());
const kindOf = ({ gpu }: NativeOptions): NativeKind => (gpu ? "gpu" : "cpu");
const backendOf = (kind: NativeKind): string => (kind === "gpu" ? "tfjs-node-gpu" : "tfjs-node");
const print = (...lines: string[]): void => void process.stdout.write(`${lines.join("\n")}\n`);

function describe({ kind, tensorflow, tfjsNode, compiler, bytes }: NativeBuild): string {
  return `TensorFlow ${tensorflow} for ${kind === "gpu" ? "GPUs" : "the CPU"} behind tfjs-node ${tfjsNode}, ${(bytes / 1e6).toFixed(0)} MB, compiled by ${compiler}`;
}
