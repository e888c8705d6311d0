import type { Clock } from "../bus/clock.ts";
import type { RoleCompute } from "./computeSettings.ts";
import { connectRpc, END, type Methods, type Rpc } from "./workerRpc.ts";
import { startWorker } from "./workerThread.ts";

/**
 * A thread that was asked to end has this long to come back to its event loop.
 */
export const END_MS = 1_500;

/** A worker thread that computes for a node, as the node sees it. */
export interface ComputeThread<Remote extends Methods<Remote>> extends Rpc<Remote> {
  /** Ends the thread whatever it does, and resolves when it has: calls under way reject with ComputeEnded. */
  close(): Promise<void>;
}

/**
 * Starts `module` as a worker thread, which serves `Remote` by `connectRpc`, and serves it `local`.
 *
 * Closed, the thread is asked to end, and does so from its own event loop, to which trainings and predictions come
 * back between two calls of ONNX Runtime. `terminate()` may meet it inside of such a call, which then throws where
 * nothing can catch it and aborts the process. So it is for a thread that does not come back within END_MS.
 */
export function startComputeThread<Remote extends Methods<Remote>, Local extends Methods<Local>>(
  module: URL,
  role: RoleCompute,
  local: Local,
  clock: Clock,
): ComputeThread<Remote> {
  const worker = startWorker(module, role);
  const exit = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  return {
    ...connectRpc<Remote, Local>(worker, local),
    async close() {
      worker.postMessage(END);
      const cancel = clock.after(END_MS, () => void worker.terminate());
      await exit;
      cancel();
    },
  };
}
