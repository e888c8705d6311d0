// A worker thread that runs TypeScript source: the loader of the main thread does not reach into threads.
import { workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
await import(workerData.module);
