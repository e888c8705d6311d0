import type { OverlapSetup } from "./setup.ts";
import type { Times } from "./times.ts";

/** Nodes beyond what the student takes, so that chance and the start leave it with labels. */
const SPARE = 1.5;

/** Teachers' answers a second that the student takes. */
export function neededPerS({ teachers, batch }: OverlapSetup, { stepMs }: Times): number {
  return (1000 * teachers * batch) / stepMs;
}

/** Answers a second of one node, which does one chunk at a time. */
export function nodePerS({ chunkSize }: OverlapSetup, { chunkMs }: Times): number {
  return (1000 * chunkSize) / chunkMs;
}

/** Nodes that offer what the student takes with something to spare, and those that offer half of it at most. */
export function nodesFor(setup: OverlapSetup, times: Times): { enough: number; tooFew: number } {
  const needed = neededPerS(setup, times) / nodePerS(setup, times);
  return { enough: Math.ceil(SPARE * needed), tooFew: Math.max(1, Math.floor(needed / 2)) };
}
