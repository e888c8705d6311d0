import type { RunSpec } from "../../config/spec.ts";
import { StillhouseError } from "../../errors.ts";

/** A window in which students could not come from one checkpoint to the next. */
export class WindowTooNarrow extends StillhouseError {}

type Spec = Pick<RunSpec, "name" | "views" | "student">;

/** Whether labels are let go while the run goes on: of fresh views, which no epoch comes back to. */
export function slides({ views }: Pick<RunSpec, "views">): boolean {
  return views?.count === "fresh" && views.teacher === "same";
}

/**
 * How many views labelling may be ahead of the view that the slowest student may go on from. It may go on from the
 * checkpoint before its last, and makes its next two checkpoints after it: over so many steps it needs labels.
 * @param steps of an epoch of each student, as `studentSteps` has them
 * @throws WindowTooNarrow
 */
export function windowOf({ name, views, student }: Spec, steps: ReadonlyMap<unknown, number>): number {
  // Who has the fewest steps an epoch comes through the most views between its checkpoints.
  const stepsPerEpoch = Math.min(...steps.values());
  const least = Math.max(1, Math.ceil((2 * student.checkpointSteps - 1) / stepsPerEpoch));
  const asked = views?.window ?? least;
  if (asked >= least) return asked;
  const most = Math.floor((asked * stepsPerEpoch + 1) / 2);
  throw new WindowTooNarrow(
    `Cannot run "${name}" with views.window ${asked} as student.checkpointSteps is ${student.checkpointSteps} and an epoch has ${stepsPerEpoch} steps: labels of past epochs go once two checkpoints are past them; expected a window of at least ${least}, or checkpointSteps of at most ${Math.max(1, most)}`,
    { fields: { window: asked, least, checkpointSteps: student.checkpointSteps, stepsPerEpoch } },
  );
}
