import { setMaxListeners } from "node:events";

/**
 * A signal that aborts on SIGINT and SIGTERM, and when the parent process that started this one as a role goes away.
 * A second SIGINT ends the process at once.
 */
export function stopSignals(): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const stop = (name: string) => (): void => {
    if (controller.signal.aborted && name === "SIGINT") process.exit(130);
    controller.abort(new Error(`stopped by ${name}`));
  };
  process.on("SIGINT", stop("SIGINT"));
  process.on("SIGTERM", stop("SIGTERM"));
  if (process.channel) {
    process.on("disconnect", stop("the end of its parent"));
    // Only the parent's end is of interest: the channel must not keep the process alive.
    process.channel.unref();
  }
  return controller.signal;
}
