import { parentPort, workerData } from "node:worker_threads";
import type { RoleCompute } from "../shared/compute/computeSettings.ts";
import type { TrainProgress } from "../shared/compute/trainLoop.ts";
import { connectRpc, type Rpc } from "../shared/compute/workerRpc.ts";
import type { TeacherTraining } from "./compute.ts";
import { TeacherEngine } from "./engine.ts";

/** What the worker calls on its node. */
export type NodeSide = {
  progress(progress: TrainProgress): void;
  checkpoint(step: number, state: Uint8Array): Promise<void>;
};

/** What the node calls in the worker. */
export type WorkerSide = Pick<
  TeacherEngine,
  "backend" | "openData" | "load" | "unload" | "predict" | "probe" | "interrupt"
> & {
  train(task: TeacherTraining): ReturnType<TeacherEngine["train"]>;
};

if (parentPort) {
  const engine = new TeacherEngine((workerData as { role: RoleCompute }).role);
  const node: Rpc<NodeSide> = connectRpc<NodeSide, WorkerSide>(parentPort, {
    backend: () => engine.backend(),
    openData: (dataset) => engine.openData(dataset),
    load: (teacher) => engine.load(teacher),
    unload: (labelling) => engine.unload(labelling),
    predict: (...of) => engine.predict(...of),
    probe: (labelling, data, shard, rows) => engine.probe(labelling, data, shard, rows),
    interrupt: () => engine.interrupt(),
    train: (task) =>
      engine.train(task, {
        onProgress: (progress) => void node.call("progress", progress),
        onCheckpoint: (step, state) => node.call("checkpoint", step, state),
      }),
  });
}
