import { Worker } from "node:worker_threads";
import type { RoleCompute } from "./computeSettings.ts";
import { quietTensorflow } from "./native/quietTensorflow.ts";

/**
 * Starts a worker thread on a module of ours: the TypeScript source when this process runs from source, which needs
 * the loader, or the compiled file when it runs from `dist`.
 * @param role what the worker finds as `workerData.role`
 */
export function startWorker(module: URL, role: RoleCompute): Worker {
  quietTensorflow();
  if (!module.pathname.endsWith(".ts")) return new Worker(module, { workerData: { role } });
  return new Worker(new URL("./sourceWorker.mjs", import.meta.url), {
    workerData: { module: module.href, role },
    execArgv: [],
  });
}
