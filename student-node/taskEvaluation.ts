import type { ComputeSettings } from "../shared/compute/computeSettings.ts";
import { predictLogits } from "../shared/compute/predictLogits.ts";
import { loadNativeModel } from "../shared/compute/predictors/nativeModel.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import type { Targets } from "../shared/data/targets.ts";
import { answeringRuleOf } from "../shared/distill/ensembles/ofTask.ts";
import { type Measures, multiLabelMeasures, regressionMeasures } from "../shared/evaluate/taskMeasures.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";
import type { JobKey } from "../shared/protocol/jobs.ts";
import { combineTeachers } from "./combineTeachers.ts";
import type { EvaluationTask, TestFindings } from "./compute.ts";
import { Latencies } from "./latency.ts";
import { logitsByBlocks, logitsOfTeachers } from "./teacherLogits.ts";
import { evenlySpaced } from "./teacherQuality.ts";
import { teacherScales } from "./teacherScales.ts";

/** Enough for a score to three digits. */
const QUALITY_SAMPLES = 65_536;

type Data = Dataset & { readonly targets: Targets };

/** As `evaluateRun`, of a task that is not classification: reads the test split once. */
export async function evaluateTask(
  task: EvaluationTask,
  dataset: Data,
  labels: LabelStoreReader,
  compute: ComputeSettings,
): Promise<TestFindings> {
  return dataset.targets.task === "multi-label"
    ? { task: "multi-label", ...(await evaluateBy(multiLabelMeasures, task, dataset, labels, compute)) }
    : { task: "regression", ...(await evaluateBy(regressionMeasures, task, dataset, labels, compute)) };
}

async function evaluateBy<M>(
  measuresOf: (targets: Targets, classes: number, ids: Uint32Array) => Measures<M>,
  task: EvaluationTask,
  dataset: Data,
  labels: LabelStoreReader,
  compute: ComputeSettings,
) {
  const { classes, splits, targets } = dataset;
  const measures = measuresOf(targets, classes, splits.test);
  const measured = (outputs: Float32Array) => ({
    metrics: measures.metrics(outputs),
    score: measures.score(outputs),
  });
  const logits = await logitsOfTeachers(labels, dataset, task.teachers.length, splits.test);
  const scales = await teacherScales(task.ensemble, task.teachers.length, dataset, labels);
  const rule = answeringRuleOf(task.ensemble.rule);
  const ensemble = combineTeachers(targets.task, logits, rule, scales, classes);
  const scoresOn = async (split: Uint32Array): Promise<(number | null)[]> => {
    const ids = evenlySpaced(split, QUALITY_SAMPLES);
    const { score } = measuresOf(targets, classes, ids);
    const scores: (number | null)[] = [];
    for (const k of task.teachers.keys()) {
      const found = score(await logitsByBlocks(labels, dataset, k, ids));
      scores.push(Number.isNaN(found) ? null : found);
    }
    return scores;
  };
  const onTransfer = await scoresOn(splits.train);
  const onValidation = await scoresOn(splits.validation);
  const students = await evaluateStudents(task.models, dataset, compute, (outputs) => ({
    ...measured(outputs),
    perSample: bytesOf(measures.perSample(outputs)),
  }));
  return {
    type: "task-evaluation" as const,
    teachers: task.teachers.map((name, k) => ({
      name,
      ...measured(logits[k] as Float32Array),
      quality: { transfer: onTransfer[k] ?? null, validation: onValidation[k] ?? null },
    })),
    ensemble: measured(ensemble),
    ensembleAnswersBy: rule,
    scales: { temperatures: [...scales.temperatures], weights: [...scales.weights] },
    ...students,
  };
}

async function evaluateStudents<T>(
  models: EvaluationTask["models"],
  dataset: Dataset,
  compute: ComputeSettings,
  measured: (outputs: Float32Array) => T,
): Promise<{ seeds: (T & { job: JobKey })[]; latencies: TestFindings["latencies"] }> {
  const seeds: (T & { job: JobKey })[] = [];
  const latencies = new Latencies(compute.backend);
  for (const { job, artifact } of models) {
    const predictor = await loadNativeModel(artifact, compute);
    try {
      seeds.push({ job, ...measured(await predictLogits(predictor, dataset, dataset.splits.test)) });
      await latencies.take(job, predictor);
    } finally {
      await predictor.close();
    }
  }
  return { seeds, latencies: latencies.found };
}

/** float32, little-endian. */
function bytesOf(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setFloat32(i * 4, value, true);
  });
  return bytes;
}
