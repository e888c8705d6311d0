import type { Clock } from "../shared/bus/clock.ts";
import type { RoleCompute } from "../shared/compute/computeSettings.ts";
import { startComputeThread } from "../shared/compute/computeThread.ts";
import type { TeacherCompute, TrainingHooks } from "./compute.ts";
import type { NodeSide, WorkerSide } from "./worker.ts";

/** Compute in a worker thread, off the event loop of NATS. It does one training at a time. */
export function workerTeacherCompute(role: RoleCompute, clock: Clock): TeacherCompute {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const module = new URL(`./worker.${extension}`, import.meta.url);
  let hooks: TrainingHooks | undefined;
  const thread = startComputeThread<WorkerSide, NodeSide>(
    module,
    role,
    {
      progress: (progress) => hooks?.onProgress(progress),
      checkpoint: async (...of) => hooks?.onCheckpoint(...of),
    },
    clock,
  );
  return {
    gone: thread.ended,
    backend: () => thread.call("backend"),
    openData: (dataset) => thread.call("openData", dataset),
    load: (teacher) => thread.call("load", teacher),
    unload: (labelling) => thread.call("unload", labelling),
    predict: (...of) => thread.call("predict", ...of),
    probe: (labelling, data, shard, rows) => thread.call("probe", labelling, data, shard, rows),
    train(task, training) {
      hooks = training;
      return thread.call("train", task);
    },
    interrupt: () => thread.call("interrupt"),
    close: () => thread.close(),
  };
}
