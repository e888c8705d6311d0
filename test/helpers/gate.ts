import type { AroundPrediction } from "./computes.ts";

/** Lets a node predict so many times, and then not before it is opened. */
export function gate(predictions: number): { around: AroundPrediction; open(): void; waiting(): boolean } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let waiting = false;
  return {
    around: async ({ index }, predict) => {
      if (index >= predictions) {
        waiting = true;
        await opened;
      }
      return predict();
    },
    open: () => open(),
    waiting: () => waiting,
  };
}
