import type { KnownLabels } from "../../../coordinator/labelLog/known.ts";
import { StillhouseError } from "../../../shared/errors.ts";
import { labellingLabelsFilter, streams } from "../../../shared/protocol/subjects.ts";

/** A run that the server does not know. */
export class UnknownRun extends StillhouseError {}

/** Which part of the label log is looked at. */
export interface LogPart {
  readonly labelling?: string;
  readonly run?: string;
}

/**
 * The filters for that part of the log.
 * @throws UnknownRun
 */
export function filtersOf(known: KnownLabels, { labelling, run }: LogPart): string[] {
  if (run !== undefined && !known.runs.has(run)) {
    throw new UnknownRun(
      `Cannot look for the labels of run "${run}": there is no such run; expected one of [${[...known.runs.keys()].join(", ")}]`,
      { fields: { run } },
    );
  }
  if (labelling === undefined && run === undefined) return [streams.labels.filter];
  const ofRun = [...known.labellings.values()]
    .filter(({ uses }) => run === undefined || uses.some((use) => use.run === run))
    .map((one) => one.labelling);
  if (labelling === undefined) return ofRun.map(labellingLabelsFilter);
  return run === undefined || ofRun.includes(labelling) ? [labellingLabelsFilter(labelling)] : [];
}
