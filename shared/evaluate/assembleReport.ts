import { ReportError } from "./errors.ts";
import { mean, sampleDeviation } from "./intervals.ts";
import { type Discordant, mcnemar } from "./mcnemar.ts";
import { gapRecovered, retention } from "./recovery.ts";
import { Report, type SeedResult } from "./reportSchema.ts";
import { decideVerdict, pairedDifference } from "./verdict.ts";
import { warningsOf } from "./warnings.ts";

/** One pair of trainings, as measured. */
export interface SeedFacts {
  readonly seed: number;
  readonly student: SeedResult;
  /** The student alone; null where the spec has `baseline: false`. */
  readonly baseline: SeedResult | null;
  /** `discordantPairs` of the two on the test split; null where they were not compared sample by sample. */
  readonly discordant: Discordant | null;
}

/** One of the students of a run, as measured. */
export interface StudentFacts {
  readonly student: Pick<Report["student"], "parameters" | "bytes" | "latencyMs">;
  readonly seeds: readonly SeedFacts[];
}

/** The raw facts of a run; everything else in the report follows from them. */
export interface ReportInput
  extends Omit<
      Report,
      | "schemaVersion"
      | "ensemble"
      | "baseline"
      | "student"
      | "seeds"
      | "difference"
      | "retention"
      | "gapRecovered"
      | "verdict"
      | "verdictReason"
      | "moreStudents"
      | "warnings"
    >,
    StudentFacts {
  /** Null without teachers. */
  readonly ensemble: Omit<NonNullable<Report["ensemble"]>, "bestTeacher"> | null;
  readonly moreStudents?: readonly (StudentFacts & { readonly name: string })[];
  /** Warnings of the run itself; those that follow from the numbers are added after them. */
  readonly warnings?: readonly string[];
}

/**
 * Makes the report of a run: means, deviations, the paired difference, retention, the verdict and the warnings.
 * @throws ReportError when some seeds have a baseline and others not, or a value breaks the schema (NaN, a share
 *   above 1)
 */
export function assembleReport(input: ReportInput): Report {
  const { warnings: given = [], moreStudents, ...facts } = input;
  const ensemble = input.ensemble && { ...input.ensemble, bestTeacher: bestOf(input.teachers) };
  const together = ensemble?.accuracy ?? null;
  const own = ofStudent(input, together);
  const others = moreStudents?.map((one) => ({ name: one.name, ...ofStudent(one, together) }));
  const found = warningsOf({ ...facts, ...own, ensemble });
  return checked({
    schemaVersion: 1,
    ...facts,
    ensemble,
    ...own,
    ...(others && { moreStudents: others }),
    warnings: [...given, ...found],
  });
}

/** @param together accuracy of the ensemble */
function ofStudent({ student: facts, seeds: given }: StudentFacts, together: number | null) {
  const [first] = given;
  if (!first) throw new ReportError("Cannot make a report as it needs at least one seed: none was given.");
  const baselines = baselinesOf(given);
  const baseline = baselines && overSeeds(baselines);
  const student = {
    ...overSeeds(given.map((one) => one.student)),
    weightsHash: first.student.weightsHash,
    ...facts,
  };
  const difference =
    baselines &&
    pairedDifference(
      given.map((one, i) => ({
        student: one.student.accuracy,
        baseline: baselines[i]?.accuracy ?? Number.NaN,
      })),
    );
  return {
    baseline,
    student,
    seeds: given.map(({ discordant, ...pair }) => ({ ...pair, mcnemar: discordant && mcnemar(discordant) })),
    difference,
    retention: together === null ? null : retention(student.accuracy, together),
    gapRecovered:
      baseline && together !== null ? gapRecovered(student.accuracy, baseline.accuracy, together) : null,
    ...decideVerdict(difference),
  };
}

/** Every seed's baseline, or null where none has one. */
function baselinesOf(seeds: readonly SeedFacts[]): SeedResult[] | null {
  const found = seeds.map((one) => one.baseline).filter((one) => one !== null);
  if (found.length === 0) return null;
  if (found.length === seeds.length) return found;
  const missing = seeds.filter((one) => one.baseline === null).map((one) => one.seed);
  throw new ReportError(
    `Cannot compare over seeds as either all or none need a student alone: it is missing for seed ${missing.join(", ")}.`,
    { fields: { missing } },
  );
}

function overSeeds(results: readonly SeedResult[]) {
  const accuracies = results.map((one) => one.accuracy);
  return {
    accuracy: mean(accuracies),
    deviation: sampleDeviation(accuracies),
    nll: mean(results.map((one) => one.nll)),
    ece: mean(results.map((one) => one.ece)),
    brier: mean(results.map((one) => one.brier)),
  };
}

/** The name of the most accurate teacher; the first among equals. */
function bestOf(teachers: Report["teachers"]): string {
  const [first, ...others] = teachers;
  if (!first) throw new ReportError("Cannot report on an ensemble of no teachers: give none.");
  return others.reduce((best, one) => ((one.accuracy ?? -1) > (best.accuracy ?? -1) ? one : best), first)
    .name;
}

function checked(report: unknown): Report {
  const parsed = Report.safeParse(report);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new ReportError(`Cannot make a report as it would break its schema: ${issues.join("; ")}`, {
    fields: { issues },
    cause: parsed.error,
  });
}
