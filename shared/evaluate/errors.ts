import { StillhouseError } from "../errors.ts";

/** Predictions, labels or counts that no metric can be computed from. */
export class MetricInputError extends StillhouseError {}

/** Facts of a run that do not make a report. */
export class ReportError extends StillhouseError {}
