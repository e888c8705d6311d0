import { StillhouseError } from "../shared/errors.ts";
import type { RunState } from "../shared/protocol/run.ts";

// planned ──> teaching ──all teachers there──> distilling ──all labels, all students──> evaluating ──> done
//    ^           │                                 │                                        │
//    │           └──────────── a fault ────────────┴────────────────────────────────────────┴──> failed
//    └───────────────────────────── started again after the cause was mended ───────────────────────┘
//
// each of the first four ──told to pause──> paused ──told to resume──> the one that it was
// each of these, and failed ──told to cancel──> cancelled
const arrows: Readonly<Record<RunState, readonly RunState[]>> = {
  planned: ["teaching", "failed", "paused", "cancelled"],
  teaching: ["distilling", "failed", "paused", "cancelled"],
  distilling: ["evaluating", "failed", "paused", "cancelled"],
  evaluating: ["done", "failed", "paused", "cancelled"],
  paused: ["planned", "teaching", "distilling", "evaluating", "cancelled"],
  done: [],
  failed: ["planned", "cancelled"],
  cancelled: [],
};

/** A change of state that the table does not have. */
export class ImpossibleTransition extends StillhouseError {}

/** @throws ImpossibleTransition */
export function requireArrow(run: string, from: RunState, to: RunState): void {
  if (mayEnter(from, to)) return;
  throw new ImpossibleTransition(
    `Cannot move run ${run} to ${to} as it is ${from}: from there it goes to ${arrows[from].join(" or ") || "nowhere"}`,
    { fields: { run, from, to } },
  );
}

export function mayEnter(from: RunState, to: RunState): boolean {
  return arrows[from].includes(to);
}
