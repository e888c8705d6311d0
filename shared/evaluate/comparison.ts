import { ReportError } from "./errors.ts";
import { mean, sampleDeviation } from "./intervals.ts";
import { scoreKinds, scoreOf } from "./score.ts";
import { studentTCdf } from "./studentT.ts";
import { type AnyReport, isTaskReport, type TaskReport } from "./taskReportSchema.ts";
import { type Difference, pairedDifference } from "./verdict.ts";

/** One variant of a comparison. */
export interface ComparedVariant {
  readonly name: string;
  /** Validation accuracy, or another task's score, of the final weights: mean over seeds. */
  readonly validation: number;
  readonly deviation: number | null;
  /** Its difference from the first variant, seed by seed; null of the first. */
  readonly difference: Difference | null;
  /** Two-sided p of the paired t test of that difference; null where there is none. */
  readonly p: number | null;
  readonly passesMade: number;
}

/** A variant that came to no report. */
export interface FailedVariant {
  readonly name: string;
  /** The error of its run, in words. */
  readonly reason: string;
}

export interface Comparison {
  /** By what the variants are compared. */
  readonly score: TaskReport["score"];
  readonly variants: readonly ComparedVariant[];
  /** Those of which nothing is known, as one whose loss is infinite. */
  readonly failed: readonly FailedVariant[];
  /** Place of the best by validation; the earlier among equals. */
  readonly chosen: number;
  /** Test score of the chosen less that of the first, seed by seed; null where the first was chosen. */
  readonly onTest: Difference | null;
}

/**
 * Compares runs by the validation score of their students, chooses the best, and looks at the test split for that one
 * and the first alone.
 * @throws ReportError where the runs have other seeds or another score than the first
 */
export function compareReports(
  reports: readonly { name: string; report: AnyReport }[],
  failed: readonly FailedVariant[] = [],
): Comparison {
  const [first] = reports;
  if (!first) throw new ReportError("Cannot compare runs as none was given: expected one at least.");
  const base = validationOf(first.report);
  const score = comparedBy(first.report);
  const variants = reports.map(({ name, report }, place): ComparedVariant => {
    checkSeeds(first.report, report, name);
    checkScore(score, comparedBy(report), name);
    const own = validationOf(report);
    const difference = place === 0 ? null : paired(own, base);
    return {
      name,
      validation: mean(own),
      deviation: sampleDeviation(own),
      difference,
      p: difference && pairedP(difference.perSeed),
      passesMade: report.teacherPasses.made,
    };
  });
  const extreme = score.better === "higher" ? Math.max : Math.min;
  const best = extreme(...variants.map(({ validation }) => validation));
  const chosen = variants.findIndex(({ validation }) => validation === best);
  const testOf = ({ seeds }: AnyReport): number[] =>
    seeds.map(({ student }) => ("accuracy" in student ? student.accuracy : student.score));
  const onTest =
    chosen === 0 ? null : paired(testOf((reports[chosen] ?? first).report), testOf(first.report));
  return { score, variants, failed, chosen, onTest };
}

/** Of the weights that were kept, seed by seed, with the biases that were corrected afterwards. */
function validationOf({ seeds, run }: AnyReport): number[] {
  return seeds.map(({ student }) => {
    const { curve, keptEpoch } = student;
    const corrected = "correctedBias" in student ? student.correctedBias?.at(-1) : undefined;
    if (corrected) return corrected.validationAccuracy;
    const point = [...curve].find(({ epoch }) => epoch === keptEpoch);
    if (!point) throw new ReportError(`Cannot compare run ${run} as its curve has no epoch ${keptEpoch}.`);
    return scoreOf(point);
  });
}

/** The score of a report, of any task. */
export function comparedBy(report: AnyReport): TaskReport["score"] {
  return isTaskReport(report) ? report.score : { ...scoreKinds.classification, unit: "" };
}

function checkScore(first: TaskReport["score"], own: TaskReport["score"], name: string): void {
  if (first.name === own.name && first.unit === own.unit) return;
  throw new ReportError(
    `Cannot compare "${name}" with the first as its score is ${own.name}: that of the first is ${first.name}.`,
  );
}

function paired(own: readonly number[], base: readonly number[]): Difference | null {
  return pairedDifference(own.map((student, i) => ({ student, baseline: base[i] ?? Number.NaN })));
}

/** Null for a single pair, and where all differences are equal, for which no t is defined. */
export function pairedP(differences: readonly number[]): number | null {
  const deviation = sampleDeviation(differences);
  // Compared with the differences themselves, which may be of any unit.
  const largest = Math.max(...differences.map(Math.abs));
  if (deviation === null || deviation <= 1e-9 * largest) return null;
  const t = (mean(differences) * Math.sqrt(differences.length)) / deviation;
  return 2 * (1 - studentTCdf(Math.abs(t), differences.length - 1));
}

function checkSeeds(first: AnyReport, report: AnyReport, name: string): void {
  const seedsOf = ({ seeds }: AnyReport): string => seeds.map(({ seed }) => seed).join(", ");
  if (seedsOf(first) === seedsOf(report)) return;
  throw new ReportError(
    `Cannot compare "${name}" seed by seed as its seeds are ${seedsOf(report)}: those of the first are ${seedsOf(first)}.`,
  );
}
