import { once } from "node:events";
import { startWorker } from "../shared/compute/workerThread.ts";
import type { Task } from "./task.ts";

// One block of ours: ownProcess.ts TASK. As in a node, what computes is a worker thread.
const task = JSON.parse(process.argv[2] ?? "") as Task;
const worker = startWorker(new URL("./ownWorker.ts", import.meta.url), {});
worker.postMessage(task);
const [result] = await once(worker, "message");
console.log(JSON.stringify(result));
await worker.terminate();
