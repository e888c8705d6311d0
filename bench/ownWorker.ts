import { parentPort } from "node:worker_threads";
import * as tf from "@tensorflow/tfjs";
import { chooseBackend } from "../shared/compute/backend.ts";
import type { BackendName } from "../shared/compute/backendNames.ts";
import type { ComputeSettings } from "../shared/compute/computeSettings.ts";
import { messageOf } from "../shared/errors.ts";
import { measureOwnLoop } from "./overlap/measureOwnLoop.ts";
import { measurePredict } from "./predict/measurePredict.ts";
import { measureStep } from "./step/measureStep.ts";
import type { Backend, BlockResult, Task } from "./task.ts";

parentPort?.once("message", async (task: Task) => {
  parentPort?.postMessage(await runTask(task).catch((error) => ({ unavailable: messageOf(error) })));
});

/** Those of ours that are not the compiled one. */
const backends: Partial<Record<Backend, BackendName>> = {
  "stillhouse wasm": "wasm",
  "stillhouse native": "tfjs-node",
};

const measures = { step: measureStep, predict: measurePredict, "own-loop": measureOwnLoop } as const;

async function runTask(task: Task): Promise<BlockResult> {
  const prefer = backends[task.backend] ?? "compiled";
  const { name, version, tried } = await chooseBackend({ prefer });
  if (name !== prefer) {
    return { unavailable: tried.find(({ backend }) => backend === prefer)?.why ?? `got ${name}` };
  }
  // Without fallback: a slower backend's time must not stand in the compiled one's row.
  const { threads, spinning } = task;
  const update: ComputeSettings["update"] = task.backend === "stillhouse in graph" ? "in-graph" : "in-place";
  const compute = { backend: name, threads, spinning, update, fallback: false };
  const measured = await measures[task.bench](task, compute);
  return { peer: libraryOf(name, version), ...measured };
}

/** What computes, for the row's column `peer`. */
function libraryOf(backend: BackendName, version: string): string {
  if (backend === "wasm") return `TensorFlow.js ${tf.version_core}`;
  // As "4.22.0 with TensorFlow 2.21.0".
  if (backend === "tfjs-node") return version.replace(/^.* with /, "");
  return `ONNX Runtime ${version.split(" ")[0] ?? ""}`;
}
