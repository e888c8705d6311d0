import { Worker } from "node:worker_threads";

/**
 * Starts a worker thread on a module of ours: the TypeScript source when this process runs from source, which needs
 * the loader, or the compiled file when it runs from `dist`.
 */
export function startWorker(module: URL): Worker {
  if (!module.pathname.endsWith(".ts")) return new Worker(module);
  return new Worker(new URL("./sourceWorker.mjs", import.meta.url), {
    workerData: { module: module.href },
    execArgv: [],
  });
}
