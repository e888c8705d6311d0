import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ArchSpec } from "../shared/config/archSpec.ts";
import type { Backend, Bench, Task } from "./task.ts";

/** A command that measures one block: it prints a BlockResult. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** The Python interpreters that peers run in. */
export interface Pythons {
  readonly first: string;
  /** Of another build of PyTorch, as a row of its own; undefined: none. */
  readonly second: string | undefined;
}

/** What `--peers` can name. */
export const peerNames = [
  "stillhouse",
  "in-graph",
  "wasm",
  "native",
  "pytorch",
  "channels-last",
  "compile",
  "pytorch2",
  "compile2",
] as const;
export type PeerName = (typeof peerNames)[number];

export const backendOf: Readonly<Record<PeerName, Backend>> = {
  stillhouse: "stillhouse compiled",
  "in-graph": "stillhouse in graph",
  wasm: "stillhouse wasm",
  native: "stillhouse native",
  pytorch: "pytorch eager",
  "channels-last": "pytorch channels last",
  compile: "pytorch compile",
  pytorch2: "pytorch eager 2",
  compile2: "pytorch compile 2",
};

/** Whether a peer has something of its own to do: where the optimiser works, or the layout of images. */
export function takesPart(peer: PeerName, bench: Bench, arch: ArchSpec): boolean {
  switch (peer) {
    case "in-graph":
      return bench === "step";
    case "channels-last":
      return arch.arch === "cnn" || arch.arch === "separable";
    default:
      return true;
  }
}

/** The process for a task. */
export function commandOf(task: Task, pythons: Pythons): Command {
  switch (task.backend) {
    case "stillhouse compiled":
    case "stillhouse in graph":
    case "stillhouse wasm":
    case "stillhouse native":
      return ownCommand(task);
    case "pytorch eager":
    case "pytorch channels last":
    case "pytorch compile":
      return pythonCommand(pythons.first, task);
    case "pytorch eager 2":
    case "pytorch compile 2":
      if (pythons.second === undefined) {
        throw new RangeError(`Cannot measure ${task.backend} without a second interpreter: give --python2`);
      }
      return pythonCommand(pythons.second, task);
  }
}

function ownCommand(task: Task): Command {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const script = fileURLToPath(new URL("./ownProcess.ts", import.meta.url));
  return {
    command: process.execPath,
    args: ["--import", tsx, script, JSON.stringify(task)],
    // TensorFlow's own threads are of the process.
    env: { ...process.env, TF_NUM_INTRAOP_THREADS: String(task.threads) },
  };
}

function pythonCommand(python: string, task: Task): Command {
  const script = fileURLToPath(new URL("./peers/torch_peer.py", import.meta.url));
  const threads = String(task.threads);
  return {
    command: python,
    // -B: no compiled modules are left in the checkout.
    args: ["-B", script, JSON.stringify(task)],
    env: {
      ...process.env,
      OMP_NUM_THREADS: threads,
      MKL_NUM_THREADS: threads,
      OPENBLAS_NUM_THREADS: threads,
      CUDA_VISIBLE_DEVICES: "",
    },
  };
}
