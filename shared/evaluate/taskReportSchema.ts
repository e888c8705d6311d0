import { z } from "zod";
import { CurvePoint, Report, SeedResult, TeacherReport } from "./reportSchema.ts";

/**
 * `report.json` of the tasks that are not classification: what does not depend on the task is as in `Report`, and what
 * was measured has a section of its own. Every key says what it means and its unit; `docs/report.md` is generated from
 * here too.
 */
const share = z.number().min(0).max(1);
const count = z.int().nonnegative();
const text = z.string();
const size = z.number().nonnegative();

export const MultiLabelMetrics = z.strictObject({
  meanAveragePrecision: share.describe("mean of the average precision of the classes that some sample has"),
  macroF1: share.describe("mean over classes of F1 at a probability of 0.5"),
  microF1: share.describe("F1 at 0.5 over all classes together"),
  exactMatch: share.describe("share of samples with every known class right at 0.5"),
  hammingAccuracy: share.describe("share of right decisions at 0.5"),
  binaryCrossEntropy: size.describe("negative log-likelihood, mean over samples and classes, nats"),
  perClass: z
    .array(
      z.strictObject({
        averagePrecision: share.nullable().describe("null: no known sample has the class"),
        f1: share.nullable().describe("at 0.5; null: the class is neither there nor predicted"),
        positives: count.describe("samples that have the class"),
        known: count.describe("samples of which it is known"),
      }),
    )
    .describe("of each class"),
});

export const RegressionMetrics = z.strictObject({
  rmse: size.describe("root of the mean squared error over all outputs, in the data's units"),
  mae: size.describe("mean absolute error over all outputs, in the data's units"),
  r2: z
    .number()
    .nullable()
    .describe("share of the targets' variance that is explained, mean over outputs; null: no target differs"),
  perOutput: z
    .array(
      z.strictObject({
        rmse: size.nullable().describe("in the output's unit; null: nothing is known"),
        mae: size.nullable().describe("in the output's unit; null: nothing is known"),
        r2: z.number().nullable().describe("null: its targets do not differ"),
        known: count.describe("samples of which it is known"),
      }),
    )
    .describe("of each output"),
});

/** An epoch of a training, of other tasks than classification. */
export const ScoredPoint = z.strictObject({
  epoch: z.int().positive().describe("counted from 1"),
  trainLoss: z.number().describe("mean over the epoch of what was minimised"),
  validationLoss: z
    .number()
    .describe(
      "on the validation split: binary cross-entropy, nats a sample; or the mean squared error in standardised units",
    ),
  validationScore: z.number().describe("the run's score on the validation split"),
});

/** An epoch of a training, of any task. */
export const EpochPoint = z.union([CurvePoint, ScoredPoint]);

const scored = { score: z.number().describe("the run's score, on the test split") };
const overSeeds = {
  score: z.number().describe("the run's score on the test split, mean over seeds"),
  deviation: size.nullable().describe("sample deviation over seeds; null for one seed"),
};

export const PairedDifference = z.strictObject({
  samples: count.describe("test samples of which something is known"),
  mean: z.number().describe("mean difference, student less student alone"),
  interval95: z
    .tuple([z.number(), z.number()])
    .nullable()
    .describe("its 95% interval over samples; null for one sample"),
  p: share.nullable().describe("two-sided p of the paired t test; null where all differences are equal"),
});

const teacherFacts = TeacherReport.omit({
  testSamples: true,
  accuracy: true,
  nll: true,
  ece: true,
  quality: true,
  storage: true,
}).shape;
const ensembleFacts = Report.shape.ensemble.unwrap().pick({
  rule: true,
  answersBy: true,
  weights: true,
  temperatures: true,
}).shape;
const studentFacts = Report.shape.student.pick({
  weightsHash: true,
  parameters: true,
  bytes: true,
  latencyMs: true,
}).shape;
const trainingFacts = SeedResult.pick({
  weightsHash: true,
  keptEpoch: true,
  seconds: true,
  steps: true,
  waitSeconds: true,
  lineage: true,
}).shape;

/** The report of a task: its name, and what is measured of a model. */
function reportOf<T extends "multi-label" | "regression", M extends z.ZodType>(task: T, metrics: M) {
  const measured = { ...scored, metrics: metrics.describe("on the test split") };
  const seedResult = z.strictObject({
    ...measured,
    ...trainingFacts,
    curve: z.array(ScoredPoint).describe("one point an epoch"),
  });
  const { retention: _, moreStudents: __, ...common } = Report.shape;
  const ofStudent = {
    baseline: z
      .strictObject(overSeeds)
      .nullable()
      .describe("the student alone: same initial weights, batches and epochs; null: not trained"),
    student: z
      .strictObject({ ...overSeeds, ...studentFacts })
      .describe("the student that learnt from the ensemble"),
    seeds: z
      .array(
        z.strictObject({
          seed: count.describe("from the spec"),
          student: seedResult.describe("the student that learnt from the ensemble, on the test split"),
          baseline: seedResult.nullable().describe("the student alone, on the test split; null: not trained"),
          paired: PairedDifference.nullable().describe(
            task === "regression"
              ? "difference of the two in squared error, sample by sample; null: not compared"
              : "difference of the two in the share of right decisions at 0.5, sample by sample; null: not compared",
          ),
        }),
      )
      .min(1)
      .describe("each pair of trainings"),
    difference: common.difference.describe(
      "score of the student less that of the student alone; null: nothing to compare with",
    ),
  };
  return z.strictObject({
    ...common,
    task: z.literal(task).describe("what a model is asked of a sample"),
    score: z
      .strictObject({
        name: text.describe("of the number by which models are compared and the verdict is decided"),
        better: z.enum(["higher", "lower"]).describe("which is the better"),
        unit: text.describe("what it is measured in; empty: a share"),
      })
      .describe("the number by which models are compared"),
    data: z
      .strictObject({
        ...common.data.omit({ classes: true }).shape,
        outputs: z.int().positive().describe("classes, or numbers to predict"),
        scale: z
          .strictObject({
            mean: z.array(z.number()).describe("of each output"),
            deviation: z.array(z.number().positive()).describe("of each output"),
          })
          .nullable()
          .describe("by which targets are standardised for the training; null: they are not"),
      })
      .describe("what was learnt"),
    teachers: z
      .array(
        z.strictObject({
          ...teacherFacts,
          ...measured,
          quality: z
            .strictObject({
              transfer: z.number().nullable().describe("on the training split; null: no target is known"),
              validation: z.number().nullable().describe("on the validation split"),
            })
            .describe("its score, where a teacher that has seen what it labels is better"),
        }),
      )
      .min(1)
      .describe("each teacher, on the test split, in the spec's order"),
    ensemble: z
      .strictObject({
        ...ensembleFacts,
        ...measured,
        bestTeacher: text.describe("name of the teacher with the best score"),
      })
      .describe("the teachers together, on the test split"),
    ...ofStudent,
    moreStudents: z
      .array(
        z.strictObject({
          name: text.describe("as in the spec's `moreStudents`"),
          ...ofStudent,
          gapRecovered: common.gapRecovered,
          verdict: common.verdict,
          verdictReason: common.verdictReason,
        }),
      )
      .optional()
      .describe("the other students of the run, in the spec's order; absent: none"),
  });
}

export const MultiLabelReport = reportOf("multi-label", MultiLabelMetrics);
export const RegressionReport = reportOf("regression", RegressionMetrics);

export type MultiLabelMetrics = z.infer<typeof MultiLabelMetrics>;
export type RegressionMetrics = z.infer<typeof RegressionMetrics>;
export type TaskMetrics = MultiLabelMetrics | RegressionMetrics;
export type ScoredPoint = z.infer<typeof ScoredPoint>;
export type EpochPoint = z.infer<typeof EpochPoint>;
export type PairedDifference = z.infer<typeof PairedDifference>;
export type MultiLabelReport = z.infer<typeof MultiLabelReport>;
export type RegressionReport = z.infer<typeof RegressionReport>;
/** Of the tasks that are not classification. */
export type TaskReport = MultiLabelReport | RegressionReport;
/** Of any task. */
export type AnyReport = Report | TaskReport;
export const AnyReport = z.union([Report, MultiLabelReport, RegressionReport]);

export function isTaskReport(report: AnyReport): report is TaskReport {
  return "task" in report;
}
