import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const exampleFolder = fileURLToPath(new URL("../../examples/pytorch-teacher/", import.meta.url));
const requirements = join(exampleFolder, "requirements.txt");

/** A Python that has what the example needs, or why there is none. */
export type FoundPython = { readonly python: string } | { readonly why: string };

/** Of the cache: one environment for each list of requirements. */
function cachedEnvironment(): string {
  const key = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return join(cache, "stillhouse", `pytorch-teacher-${key}`);
}

const pythonOf = (environment: string): string => join(environment, "bin", "python");

/** What STILLHOUSE_PYTHON names, what `installPython` has installed before, or the python3 of this machine. */
export async function findPython(): Promise<FoundPython> {
  const named = process.env.STILLHOUSE_PYTHON;
  const tried = named
    ? [named]
    : [pythonOf(cachedEnvironment()), "python3"].filter((path) => path === "python3" || existsSync(path));
  const problems: string[] = [];
  for (const python of tried) {
    const problem = await problemOf(python);
    if (!problem) return { python };
    problems.push(`${python}: ${problem}`);
  }
  return { why: problems.join("; ") };
}

/** The same, installed with pip into the cache where it is not there, which takes minutes and gigabytes. */
export async function installPython(): Promise<FoundPython> {
  const found = await findPython();
  if ("python" in found) return found;
  const environment = cachedEnvironment();
  try {
    await mkdir(dirname(environment), { recursive: true });
    await rm(environment, { recursive: true, force: true });
    await run("python3", ["-m", "venv", environment]);
    await run(pythonOf(environment), ["-m", "pip", "install", "--quiet", "-r", requirements], {
      timeout: 1_200_000,
    });
  } catch (error) {
    await rm(environment, { recursive: true, force: true });
    const said = `${(error as { stderr?: string }).stderr || (error as Error).message}`.trim().split("\n");
    return { why: `pip could not install it: ${said.at(-1)}` };
  }
  const problem = await problemOf(pythonOf(environment));
  return problem ? { why: problem } : { python: pythonOf(environment) };
}

async function problemOf(python: string): Promise<string | undefined> {
  try {
    await run(python, ["-c", "import msgpack, nats, numpy, onnx, torch"], { timeout: 120_000 });
    return undefined;
  } catch (error) {
    const said = `${(error as { stderr?: string }).stderr || (error as Error).message}`.trim().split("\n");
    return said.at(-1) ?? "it does not start";
  }
}
