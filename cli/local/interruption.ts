/** The exit code of a command that was interrupted; the same command goes on. */
export const INTERRUPTED = 130;

/** What fails because it was told to end has not failed: it is undefined. */
export function unlessInterrupted<T>(running: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return running.catch((error: unknown) => {
    if (signal.aborted) return undefined;
    throw error;
  });
}
