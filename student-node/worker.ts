import { parentPort, workerData } from "node:worker_threads";
import type { RoleCompute } from "../shared/compute/computeSettings.ts";
import { connectRpc, type Rpc } from "../shared/compute/workerRpc.ts";
import type { LabelStoreLayout, ReadAgain } from "../shared/labels/labelStoreReader.ts";
import type { StudentCompute, StudentTraining, TrainedStudent, TrainingHooks } from "./compute.ts";
import { StudentEngine } from "./engine.ts";

/** What the worker calls on its node; a worker does one training at a time. */
export type NodeSide = TrainingHooks & { readonly readAgain: ReadAgain };

/** What the node calls in the worker. */
export type WorkerSide = Omit<StudentCompute, "openLabels" | "train" | "close"> & {
  openLabels(path: string, layout: LabelStoreLayout): Promise<void>;
  train(training: StudentTraining): Promise<TrainedStudent>;
};

if (parentPort) {
  const engine = new StudentEngine((workerData as { role: RoleCompute }).role);
  const node: Rpc<NodeSide> = connectRpc<NodeSide, WorkerSide>(parentPort, {
    backend: () => engine.backend(),
    openData: (dataset) => engine.openData(dataset),
    openLabels: (path, layout) => engine.openLabels(path, layout, (parts) => node.call("readAgain", parts)),
    addLabels: (parts) => engine.addLabels(parts),
    addDecision: (decided) => engine.addDecision(decided),
    evaluate: (task) => engine.evaluate(task),
    interrupt: () => engine.interrupt(),
    train: (training) =>
      engine.train(training, {
        onProgress: (progress) => void node.call("onProgress", progress),
        onCheckpoint: (step, state) => node.call("onCheckpoint", step, state),
        labelsUpTo: (count) => node.call("labelsUpTo", count),
        publishWeights: (step, weights) => node.call("publishWeights", step, weights),
        peerWeights: (seed, of, step) => node.call("peerWeights", seed, of, step),
      }),
  });
}
