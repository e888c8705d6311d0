import type { RoleCompute } from "../shared/compute/computeSettings.ts";
import type { TrainProgress } from "../shared/compute/trainLoop.ts";
import { connectRpc } from "../shared/compute/workerRpc.ts";
import { startWorker } from "../shared/compute/workerThread.ts";
import type { TeacherCompute } from "./compute.ts";
import type { NodeSide, WorkerSide } from "./worker.ts";

/** Compute in a worker thread, off the event loop of NATS. It does one training at a time. */
export function workerTeacherCompute(role: RoleCompute): TeacherCompute {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = startWorker(new URL(`./worker.${extension}`, import.meta.url), role);
  let onTraining: ((progress: TrainProgress) => void) | undefined;
  const rpc = connectRpc<WorkerSide, NodeSide>(worker, { progress: (progress) => onTraining?.(progress) });
  return {
    gone: rpc.ended,
    backend: () => rpc.call("backend"),
    openData: (dataset) => rpc.call("openData", dataset),
    load: (teacher) => rpc.call("load", teacher),
    unload: (labelling) => rpc.call("unload", labelling),
    predict: (...of) => rpc.call("predict", ...of),
    probe: (labelling, data, shard, rows) => rpc.call("probe", labelling, data, shard, rows),
    train(task, onProgress) {
      onTraining = onProgress;
      return rpc.call("train", task);
    },
    close: async () => {
      await worker.terminate();
    },
  };
}
