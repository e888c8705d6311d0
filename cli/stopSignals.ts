import { setMaxListeners } from "node:events";

/** Set for the processes that `run` starts: such a one ends with its parent, even if that died before it looked. */
export const CHILD_MARK = "STILLHOUSE_CHILD";

let installed: AbortSignal | undefined;

/**
 * A signal that aborts on SIGINT and SIGTERM, and when the parent process that started this one as a role goes away.
 * A second SIGINT ends the process at once. Called again, it gives the same signal.
 */
export function stopSignals(): AbortSignal {
  if (installed) return installed;
  const controller = new AbortController();
  installed = controller.signal;
  setMaxListeners(0, controller.signal);
  const stop = (name: string) => (): void => {
    if (controller.signal.aborted && name === "SIGINT") dieOfSigint();
    controller.abort(new Error(`stopped by ${name}`));
  };
  process.on("SIGINT", stop("SIGINT"));
  process.on("SIGTERM", stop("SIGTERM"));
  if (process.env[CHILD_MARK] !== undefined) {
    const orphaned = stop("the end of its parent");
    if (!process.connected) orphaned();
    process.on("disconnect", orphaned);
    // Only the parent's end is of interest: the channel must not keep the process alive.
    process.channel?.unref();
  }
  return controller.signal;
}

/**
 * Ends the process as if nobody listened, which a shell shows as code 130. `process.exit()` would wait for the compute
 * threads, and abort where one is within a call of ONNX Runtime.
 */
function dieOfSigint(): void {
  process.removeAllListeners("SIGINT");
  process.kill(process.pid, "SIGINT");
}
