import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { TFJS_NODE } from "../../cli/native/npmPackages.ts";
import { TESTED_TENSORFLOW } from "../../cli/native/wheels.ts";
import { readNativeBuild } from "../../shared/compute/native/nativeBuild.ts";
import { cacheFolder, nativeFolder } from "../../shared/compute/native/nativeFolder.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Null where TensorFlow's own library can be tested, else why not. */
    nativeMissing: string | null;
  }
}

const LIMIT_MS = 8 * 60_000;

/**
 * Before all tests: builds TensorFlow's own library as a backend, where pip and npm reach an index and there is a compiler,
 * and keeps it for the next time; apart from the user's own build, which it takes where it is the same version.
 */
export default async function setup(project: TestProject): Promise<void> {
  const folder = has(nativeFolder()) ? nativeFolder() : testsFolder();
  const missing = await build(folder);
  process.env.STILLHOUSE_NATIVE_DIR = folder;
  project.provide("nativeMissing", missing);
  console.error(
    missing === null
      ? `TensorFlow ${TESTED_TENSORFLOW} is a backend of the tests, in ${folder}`
      : `Skipped: tests on TensorFlow's own library, as it cannot be built here: ${missing}`,
  );
}

/** @returns why there is no build, or null where there is one */
async function build(folder: string): Promise<string | null> {
  if (process.env.STILLHOUSE_NATIVE === "0") return "STILLHOUSE_NATIVE=0";
  if (has(folder)) return null;
  console.error("Building TensorFlow's own library as a backend (STILLHOUSE_NATIVE=0 leaves it out) ...");
  const cli = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
  // vitest gives a setup file no import.meta.resolve.
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const args = ["--import", tsx, cli, "native", "install", "--dir", folder];
  try {
    await promisify(execFile)(process.execPath, args, {
      // Where there is no network, that shall be known soon.
      env: { PIP_RETRIES: "1", PIP_DEFAULT_TIMEOUT: "15", npm_config_fetch_retries: "1", ...process.env },
      timeout: LIMIT_MS,
    });
    return null;
  } catch (error) {
    const { killed, stderr = "", message } = error as Error & { killed?: boolean; stderr?: string };
    if (killed) return `its installation did not end within ${LIMIT_MS / 60_000} minutes`;
    const why = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("["));
    return why.join(" ").slice(0, 600) || message;
  }
}

function has(folder: string): boolean {
  try {
    const build = readNativeBuild("cpu", folder);
    return build?.tensorflow === TESTED_TENSORFLOW && build.tfjsNode === TFJS_NODE;
  } catch {
    return false;
  }
}

const testsFolder = (): string => join(cacheFolder(process.env, process.platform), "native-tests");
