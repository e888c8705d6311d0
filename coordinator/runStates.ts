import { StillhouseError } from "../shared/errors.ts";
import type { RunState } from "../shared/protocol/run.ts";

// planned ──> teaching ──all teachers there──> distilling ──all labels, all students──> evaluating ──> done
//    ^           │                                 │                                        │
//    │           └──────────── a fault ────────────┴────────────────────────────────────────┴──> failed
//    └───────────────────────────── started again after the cause was mended ───────────────────────┘
const arrows: Readonly<Record<RunState, readonly RunState[]>> = {
  planned: ["teaching", "failed"],
  teaching: ["distilling", "failed"],
  distilling: ["evaluating", "failed"],
  evaluating: ["done", "failed"],
  done: [],
  failed: ["planned"],
};

/** A change of state that the table does not have. */
export class ImpossibleTransition extends StillhouseError {}

/** @throws ImpossibleTransition */
export function requireArrow(run: string, from: RunState, to: RunState): void {
  if (arrows[from].includes(to)) return;
  throw new ImpossibleTransition(
    `Cannot move run ${run} to ${to} as it is ${from}: from there it goes to ${arrows[from].join(" or ") || "nowhere"}`,
    { fields: { run, from, to } },
  );
}
