import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { NativeKind } from "../../shared/compute/native/nativeBuild.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Python } from "./findPython.ts";
import { NativeInstallFailed, runTool } from "./tool.ts";

/** The version that is installed where none is asked for: the one that this version of Stillhouse was tested with. */
export const TESTED_TENSORFLOW = "2.21.0";

/** TensorFlow's wheels are made for one version of Python each; the libraries in them are the same. */
const PYTHONS = ["3.11", "3.12", "3.13", "3.10"];
const GLIBCS = ["2_17", "2_27", "2_28", "2_31", "2_34"];
const MACHINES: Record<string, string> = { x64: "x86_64", arm64: "aarch64" };

/** The package whose wheel has the libraries for a kind. On ARM one serves the CPU, and none CUDA. */
export function tensorflowPackage(kind: NativeKind, arch: string = process.arch): string {
  return kind === "cpu" && arch === "x64" ? "tensorflow-cpu" : "tensorflow";
}

/**
 * Lets pip download a wheel, from wherever pip is set up to look. No package that it needs comes along.
 * @param requirement as pip takes it: a name, and what its version must be
 * @param folder keeps what is there, so that an interrupted installation need not download again
 * @returns the wheel's path
 * @throws NativeInstallFailed
 */
export async function downloadWheel(
  requirement: string,
  folder: string,
  python: Python,
  signal: AbortSignal,
): Promise<string> {
  const target = join(folder, requirement.replace(/[^a-z0-9.]+/gi, "-"));
  await mkdir(target, { recursive: true });
  let problem: unknown;
  for (const version of PYTHONS) {
    try {
      await runTool(`download ${requirement}`, python.command, pipArguments(requirement, target, version), {
        signal,
      });
      const wheel = (await readdir(target)).find((name) => name.endsWith(".whl"));
      if (wheel !== undefined) return join(target, wheel);
      throw new NativeInstallFailed(`Cannot download ${requirement}: pip left no wheel in ${target}`);
    } catch (error) {
      problem = error;
      // pip says the same of an index that it cannot reach.
      const said = messageOf(error);
      if (signal.aborted || /connection|timed out/i.test(said) || !/No matching dist/i.test(said)) break;
    }
  }
  throw problem;
}

function pipArguments(requirement: string, target: string, version: string): string[] {
  const machine = MACHINES[process.arch] ?? process.arch;
  const platforms = [...GLIBCS.map((glibc) => `manylinux_${glibc}_${machine}`), `manylinux2014_${machine}`];
  return [
    ...["-m", "pip", "download", requirement, "--dest", target, "--no-deps", "--only-binary=:all:"],
    ...["--implementation", "cp", "--python-version", version, "--abi", `cp${version.replace(".", "")}`],
    ...["--abi", "none", ...platforms.flatMap((platform) => ["--platform", platform])],
    ...["--disable-pip-version-check", "--no-input", "--progress-bar", "off"],
  ];
}
