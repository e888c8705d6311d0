const events = ["uncaughtException", "unhandledRejection"];

/**
 * Runs `load` and takes away what it hung on the process's last-resort events. The loader of the WebAssembly backend
 * installs listeners there that throw again, which hides the application's own handling and changes the exit code.
 */
export async function withoutNewCrashListeners<T>(load: () => Promise<T>): Promise<T> {
  // Seen as a plain emitter, since the process's own types know one signature for each event.
  const emitter: NodeJS.EventEmitter = process;
  const before = events.map((event) => new Set(emitter.listeners(event)));
  try {
    return await load();
  } finally {
    events.forEach((event, i) => {
      for (const listener of emitter.listeners(event)) {
        if (!before[i]?.has(listener)) emitter.removeListener(event, listener as () => void);
      }
    });
  }
}
