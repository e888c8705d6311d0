import type { z } from "zod";
import { ReportError } from "./errors.ts";
import { mean, sampleDeviation } from "./intervals.ts";
import { pairedSamples } from "./pairedSamples.ts";
import { gainOver } from "./score.ts";
import { scoreVerdict } from "./scoreVerdict.ts";
import { MultiLabelReport, RegressionReport, type TaskMetrics, type TaskReport } from "./taskReportSchema.ts";
import { taskWarnings } from "./taskWarnings.ts";
import { pairedDifference } from "./verdict.ts";

type Written = z.input<typeof MultiLabelReport> | z.input<typeof RegressionReport>;
/** Metrics of either task: the schema tells them apart. */
type Measured<T> = T extends unknown ? Omit<T, "metrics"> & { readonly metrics: TaskMetrics } : never;
type TaskSeedResult = Measured<TaskReport["seeds"][number]["student"]>;

/** One pair of trainings, as measured. */
export interface TaskSeedFacts {
  readonly seed: number;
  readonly student: TaskSeedResult;
  readonly baseline: TaskSeedResult | null;
  /** `perSample` of the two on the test split, NaN where nothing is known; null where there is no student alone. */
  readonly perSample: { readonly student: Float32Array; readonly baseline: Float32Array } | null;
}

/** One of the students of a run, as measured. */
export interface TaskStudentFacts {
  readonly student: Pick<TaskReport["student"], "parameters" | "bytes" | "latencyMs">;
  readonly seeds: readonly TaskSeedFacts[];
}

/** The raw facts of a run; everything else in the report follows from them. */
export interface TaskReportInput
  extends Omit<
      TaskReport,
      | "schemaVersion"
      | "ensemble"
      | "teachers"
      | "baseline"
      | "student"
      | "seeds"
      | "difference"
      | "gapRecovered"
      | "verdict"
      | "verdictReason"
      | "moreStudents"
      | "warnings"
    >,
    TaskStudentFacts {
  readonly teachers: readonly Measured<TaskReport["teachers"][number]>[];
  readonly ensemble: Omit<Measured<TaskReport["ensemble"]>, "bestTeacher">;
  readonly moreStudents?: readonly (TaskStudentFacts & { readonly name: string })[];
}

/**
 * Makes the report of a run whose task is not classification, by its score: means, deviations, the paired difference, the
 * verdict and the warnings.
 * @throws ReportError when a value breaks the schema
 */
export function assembleTaskReport(input: TaskReportInput): TaskReport {
  const { task, score, teachers, ensemble, seeds: _, student: __, moreStudents, ...facts } = input;
  const bestTeacher = bestOf(task, teachers);
  const own = ofStudent(input, input);
  const others = moreStudents?.map((one) => ({ name: one.name, ...ofStudent(one, input) }));
  const report = {
    schemaVersion: 1,
    task,
    score,
    ...facts,
    teachers,
    ensemble: { ...ensemble, bestTeacher },
    ...own,
    ...(others && { moreStudents: others }),
    warnings: taskWarnings({
      ...facts,
      ...own,
      task,
      score,
      teachers,
      ensemble: { score: ensemble.score, bestTeacher },
    }),
  };
  return checked(task, report);
}

function ofStudent(
  { student: facts, seeds: given }: TaskStudentFacts,
  { task, score, ensemble }: Pick<TaskReportInput, "task" | "score" | "ensemble">,
) {
  const [first] = given;
  if (!first) throw new ReportError("Cannot make a report as it needs at least one seed: none was given.");
  const alone = given.flatMap(({ baseline }) => (baseline ? [baseline.score] : []));
  const own = given.map((one) => one.student.score);
  const baseline = alone.length === given.length ? overSeeds(alone) : null;
  const difference =
    baseline && pairedDifference(own.map((of, i) => ({ student: of, baseline: alone[i] as number })));
  const student = overSeeds(own);
  const gap = baseline && gainOver(task, ensemble.score, baseline.score);
  return {
    baseline,
    student: { ...student, weightsHash: first.student.weightsHash, ...facts },
    seeds: given.map(({ perSample, ...pair }) => ({
      ...pair,
      paired: perSample && pairedSamples(perSample.student, perSample.baseline),
    })),
    difference,
    gapRecovered:
      baseline && gap !== null && gap > 0
        ? (student.score - baseline.score) / (ensemble.score - baseline.score)
        : null,
    ...scoreVerdict(difference, score),
  };
}

function overSeeds(scores: readonly number[]): { score: number; deviation: number | null } {
  return { score: mean(scores), deviation: sampleDeviation(scores) };
}

/** The name of the teacher with the best score; the first among equals. */
function bestOf(task: TaskReport["task"], teachers: TaskReportInput["teachers"]): string {
  const [first, ...others] = teachers;
  if (!first) throw new ReportError("Cannot make a report as it needs at least one teacher: none was given.");
  return others.reduce((best, one) => (gainOver(task, one.score, best.score) > 0 ? one : best), first).name;
}

function checked(task: TaskReport["task"], report: object): TaskReport {
  const schema: z.ZodType<TaskReport, Written> = task === "multi-label" ? MultiLabelReport : RegressionReport;
  const parsed = schema.safeParse(report);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new ReportError(`Cannot make a report as it would break its schema: ${issues.join("; ")}`, {
    fields: { issues },
    cause: parsed.error,
  });
}
