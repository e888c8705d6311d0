import { parentPort } from "node:worker_threads";
import * as tf from "@tensorflow/tfjs";
import { chooseBackend } from "../shared/compute/backend.ts";
import type { ComputeSettings } from "../shared/compute/computeSettings.ts";
import { messageOf } from "../shared/errors.ts";
import { measurePredict } from "./predict/measurePredict.ts";
import { measureStep } from "./step/measureStep.ts";
import type { BlockResult, Task } from "./task.ts";

parentPort?.once("message", async (task: Task) => {
  parentPort?.postMessage(await runTask(task).catch((error) => ({ unavailable: messageOf(error) })));
});

async function runTask(task: Task): Promise<BlockResult> {
  const prefer = task.backend === "stillhouse wasm" ? "wasm" : "compiled";
  const { name, version, tried } = await chooseBackend({ prefer });
  if (name !== prefer) {
    return { unavailable: tried.find(({ backend }) => backend === prefer)?.why ?? `got ${name}` };
  }
  // Without fallback: a slower backend's time must not stand in the compiled one's row.
  const { threads, spinning } = task;
  const update: ComputeSettings["update"] = task.backend === "stillhouse in graph" ? "in-graph" : "in-place";
  const compute = { backend: name, threads, spinning, update, fallback: false };
  const measured = await (task.bench === "step" ? measureStep : measurePredict)(task, compute);
  const peer =
    name === "wasm" ? `TensorFlow.js ${tf.version_core}` : `ONNX Runtime ${version.split(" ")[0] ?? ""}`;
  return { peer, ...measured };
}
