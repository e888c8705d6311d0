import type { Clock } from "../shared/bus/clock.ts";
import type { RoleCompute } from "../shared/compute/computeSettings.ts";
import { startComputeThread } from "../shared/compute/computeThread.ts";
import { StillhouseError } from "../shared/errors.ts";
import type { ReadAgain } from "../shared/labels/labelStoreReader.ts";
import type { StudentCompute, TrainingHooks } from "./compute.ts";
import type { NodeSide, WorkerSide } from "./worker.ts";

/** Compute in a worker thread, off the event loop of NATS. It does one training at a time. */
export function workerStudentCompute(role: RoleCompute, clock: Clock): StudentCompute {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const module = new URL(`./worker.${extension}`, import.meta.url);
  let hooks: TrainingHooks | undefined;
  let readAgain: ReadAgain | undefined;
  const current = (): TrainingHooks => {
    if (!hooks) throw new StillhouseError("The compute thread called back while no training was at work");
    return hooks;
  };
  const thread = startComputeThread<WorkerSide, NodeSide>(
    module,
    role,
    {
      onProgress: (progress) => current().onProgress(progress),
      onCheckpoint: (step, state) => current().onCheckpoint(step, state),
      labelsUpTo: (count) => current().labelsUpTo(count),
      publishWeights: (step, weights) => current().publishWeights(step, weights),
      peerWeights: (seed, of, step) => current().peerWeights(seed, of, step),
      readAgain: async (parts) => {
        if (readAgain) return readAgain(parts);
        throw new StillhouseError(
          "The compute thread asked for labels before a label store was opened there",
        );
      },
    },
    clock,
  );
  return {
    backend: () => thread.call("backend"),
    openData: (dataset) => thread.call("openData", dataset),
    openLabels(path, layout, given) {
      readAgain = given;
      return thread.call("openLabels", path, layout);
    },
    addLabels: (parts) => thread.call("addLabels", parts),
    addDecision: (decided) => thread.call("addDecision", decided),
    evaluate: (task) => thread.call("evaluate", task),
    interrupt: () => thread.call("interrupt"),
    train(training, given) {
      hooks = given;
      return thread.call("train", training);
    },
    close: () => thread.close(),
  };
}
