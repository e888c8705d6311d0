import type { RoleCompute } from "../shared/compute/computeSettings.ts";
import { connectRpc } from "../shared/compute/workerRpc.ts";
import { startWorker } from "../shared/compute/workerThread.ts";
import { StillhouseError } from "../shared/errors.ts";
import type { StudentCompute, TrainingHooks } from "./compute.ts";
import type { NodeSide, WorkerSide } from "./worker.ts";

/** Compute in a worker thread, off the event loop of NATS. It does one training at a time. */
export function workerStudentCompute(role: RoleCompute): StudentCompute {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = startWorker(new URL(`./worker.${extension}`, import.meta.url), role);
  let hooks: TrainingHooks | undefined;
  const current = (): TrainingHooks => {
    if (!hooks) throw new StillhouseError("The compute thread called back while no training was at work");
    return hooks;
  };
  const rpc = connectRpc<WorkerSide, NodeSide>(worker, {
    onProgress: (progress) => current().onProgress(progress),
    onCheckpoint: (step, state) => current().onCheckpoint(step, state),
    labelsUpTo: (count) => current().labelsUpTo(count),
    publishWeights: (step, weights) => current().publishWeights(step, weights),
    peerWeights: (seed, of, step) => current().peerWeights(seed, of, step),
  });
  return {
    backend: () => rpc.call("backend"),
    openData: (dataset) => rpc.call("openData", dataset),
    openLabels: (path, layout) => rpc.call("openLabels", path, layout),
    addLabels: (parts) => rpc.call("addLabels", parts),
    addDecision: (decided) => rpc.call("addDecision", decided),
    evaluate: (task) => rpc.call("evaluate", task),
    train(training, given) {
      hooks = given;
      return rpc.call("train", training);
    },
    close: async () => {
      await worker.terminate();
    },
  };
}
