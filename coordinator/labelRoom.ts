import { BusFull } from "../shared/bus/errors.ts";
import { streams } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";
import { RunFailed } from "./failures.ts";
import type { MissingLabels } from "./missingLabels.ts";
import { planRun } from "./plan.ts";

/**
 * Says early that the log may have no room for all labels of a run: before its teachers are trained nobody knows which of
 * them it has already.
 */
export async function warnOfRoom(context: CoordinatorContext): Promise<void> {
  const full = await lackOfRoom(context, bytesOf(context));
  if (full) context.notice(`the label log may be too small: ${full.message}`);
}

/** Refuses a run whose missing labels the log could not hold, before any is asked for. @throws RunFailed */
export async function requireLabelRoom(
  context: CoordinatorContext,
  { samplesMissing, samplesNeeded }: MissingLabels,
): Promise<void> {
  if (samplesMissing === 0) return;
  const bytes = Math.ceil((bytesOf(context) * samplesMissing) / samplesNeeded);
  const full = await lackOfRoom(context, bytes);
  if (!full) return;
  const { run } = context.store.record;
  throw new RunFailed(`Run ${run} failed before it asked for labels: ${full.message}`, {
    fields: { run, bytes },
    cause: full,
  });
}

/** That the log holds of the run at once. */
function bytesOf({ store, dataset }: CoordinatorContext): number {
  return planRun(store.record.spec, dataset).labelBytes;
}

async function lackOfRoom({ bus }: CoordinatorContext, bytes: number): Promise<BusFull | undefined> {
  try {
    await (await bus.log(streams.labels.name, streams.labels.filter)).requireRoom(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof BusFull) return error;
    throw error;
  }
}
