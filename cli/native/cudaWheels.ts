import { chmod } from "node:fs/promises";
import { join } from "node:path";
import type { Python } from "./findPython.ts";
import { NativeInstallFailed, runTool } from "./tool.ts";
import { unpackWheel } from "./unpackWheel.ts";
import { downloadWheel } from "./wheels.ts";

/** Prints what a wheel needs for its extra `and-cuda`, a requirement a line. */
const SCRIPT = `
import re, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    metadata = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    for line in archive.read(metadata).decode().splitlines():
        found = re.match(r"Requires-Dist: *([^;]+);.*extra *== *['\\"]and-cuda['\\"]", line)
        if found:
            print(found[1].strip())
`;

/** Libraries, and what compiles kernels for a GPU that TensorFlow's own were not built for. */
const PARTS = ["nvidia/*/lib/*.so*", "nvidia/cuda_nvcc/bin/*", "nvidia/cuda_nvcc/nvvm/*"];

/**
 * Downloads the CUDA libraries that a wheel of TensorFlow names.
 * @returns their wheels
 * @throws NativeInstallFailed
 */
export async function downloadCuda(
  wheel: string,
  downloads: string,
  python: Python,
  { signal, say }: { signal: AbortSignal; say(line: string): void },
): Promise<string[]> {
  const printed = await runTool(`read what ${wheel} needs`, python.command, ["-c", SCRIPT, wheel], {
    signal,
  });
  const requirements = printed.split("\n").filter((line) => line !== "");
  if (requirements.length === 0) {
    throw new NativeInstallFailed(
      `Cannot install CUDA for ${wheel}: it names no packages for it (extra and-cuda); take another version with --tensorflow`,
      { fields: { wheel } },
    );
  }
  const wheels: string[] = [];
  for (const [i, requirement] of requirements.entries()) {
    say(`downloading ${requirement}, CUDA ${i + 1} of ${requirements.length}`);
    wheels.push(await downloadWheel(requirement, downloads, python, signal));
  }
  return wheels;
}

/** Unpacks them beside TensorFlow's libraries, which look for them there as they do in a Python environment. */
export async function unpackCuda(
  wheels: readonly string[],
  target: string,
  python: Python,
  signal: AbortSignal,
): Promise<void> {
  for (const wheel of wheels) await unpackWheel(wheel, target, PARTS, python, signal);
  await chmod(join(target, "nvidia", "cuda_nvcc", "bin", "ptxas"), 0o755);
}
