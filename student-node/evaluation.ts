import type { ComputeSettings } from "../shared/compute/computeSettings.ts";
import { predictLogits } from "../shared/compute/predictLogits.ts";
import { loadNativeModel } from "../shared/compute/predictors/nativeModel.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { bridged } from "../shared/distill/ensembles/known.ts";
import { answeringRuleOf } from "../shared/distill/ensembles/ofTask.ts";
import { correctness } from "../shared/evaluate/accuracy.ts";
import type { LabelQuality, TestMetrics } from "../shared/evaluate/reportSchema.ts";
import { topClasses } from "../shared/evaluate/softmax.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";
import { combineTeachers } from "./combineTeachers.ts";
import type { EvaluationTask, TestFindings } from "./compute.ts";
import { Latencies } from "./latency.ts";
import { hasLabels, presentTeachers } from "./presentTargets.ts";
import { quorumFindings } from "./quorumFindings.ts";
import { exitAccuracies } from "./self/exitHeads.ts";
import { evaluateTask } from "./taskEvaluation.ts";
import { teacherDisagreement } from "./teacherDisagreement.ts";
import { logitsOfTeachers } from "./teacherLogits.ts";
import { teacherQuality } from "./teacherQuality.ts";
import { teacherScales } from "./teacherScales.ts";
import { type EnsembleAnswers, testMetrics } from "./testMetrics.ts";

type Findings = Extract<TestFindings, { type: "evaluation" }>;

/**
 * Reads the test split once: every teacher and the ensemble from their labels in the log, every student from its
 * final weights. The ensemble is taken at temperature 1, by the rule that it answers by.
 */
export async function evaluateRun(
  task: EvaluationTask,
  dataset: Dataset,
  labels: LabelStoreReader,
  compute: ComputeSettings,
): Promise<TestFindings> {
  const { targets } = dataset;
  if (targets) return evaluateTask(task, { ...dataset, targets }, labels, compute);
  const ids = dataset.splits.test;
  const truth = gatherLabels(dataset, ids);
  const { classes } = dataset;
  const { known } = task;
  const logits = await logitsOfTeachers(labels, dataset, task.teachers.length, ids);
  const onTransfer = await teacherQuality(labels, dataset, task.teachers.length, dataset.splits.train, known);
  const onValidation = await teacherQuality(
    labels,
    dataset,
    task.teachers.length,
    dataset.splits.validation,
    known,
  );
  const scales = await teacherScales(task.ensemble, task.teachers.length, dataset, labels, known);
  const rule = answeringRuleOf(task.ensemble.rule);
  const { quorum } = task.ensemble;
  const count = task.teachers.length;
  const present =
    quorum === "all" ? undefined : presentTeachers(labels, dataset, count, quorum.teachers, ids);
  const rows = [...ids.keys()];
  // No teachers, and those whose classes do not hang together, answer nothing together; those that do need each other.
  const joined = count > 0 && (rule !== "bridge" || bridged(known ?? []));
  const isTargeted = (said: Float32Array): boolean =>
    rule === "bridge" ? !said.includes(0) : said.includes(1);
  const ensemble: EnsembleAnswers = {
    logits: joined
      ? combineTeachers("classification", logits, rule, scales, classes, { present, known })
      : new Float32Array(),
    // What nobody says, or no teacher knows, is not judged.
    rows: rows.filter(
      (row) =>
        joined &&
        (!present || isTargeted(present.subarray(row * count, (row + 1) * count))) &&
        (known?.some((of) => !of || of.includes(truth[row] as number)) ?? true),
    ),
  };
  const seeds: Findings["seeds"] = [];
  const latencies = new Latencies(compute.backend);
  for (const { job, artifact, exits } of task.models) {
    const predictor = await loadNativeModel(artifact, compute);
    try {
      const predicted = await predictLogits(predictor, dataset, ids);
      seeds.push({
        job,
        metrics: testMetrics(predicted, truth, classes, rows, ensemble) as TestMetrics,
        correct: correctness(topClasses(predicted, classes), truth),
        ...(exits && { exits: await exitAccuracies(artifact, exits, dataset, ids, compute) }),
      });
      await latencies.take(job, predictor);
    } finally {
      await predictor.close();
    }
  }
  return {
    type: "evaluation",
    teachers: task.teachers.map((name, k) => {
      const own = known?.[k] ?? null;
      const judged = rows.filter(
        (row) =>
          hasLabels(labels, dataset, k, ids[row] as number) && (!own || own.includes(truth[row] as number)),
      );
      return {
        name,
        testSamples: judged.length,
        metrics: testMetrics(logits[k] as Float32Array, truth, classes, judged, own ? undefined : ensemble),
        quality: {
          transfer: onTransfer[k] as LabelQuality,
          validation: onValidation[k] as LabelQuality,
        },
      };
    }),
    ensembleTestSamples: ensemble.rows.length,
    ensemble: testMetrics(ensemble.logits, truth, classes, ensemble.rows, ensemble),
    quorum: quorum === "all" ? null : quorumFindings(labels, dataset, count, quorum),
    disagreement: await teacherDisagreement(task.teachers.length, dataset, task.chunkSize, labels, known),
    ensembleAnswersBy: rule,
    scales: { temperatures: [...scales.temperatures], weights: [...scales.weights] },
    seeds,
    latencies: latencies.found,
  };
}
