import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherLabels } from "../../shared/data/gather.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { correctness } from "../../shared/evaluate/accuracy.ts";
import type { LabelQuality, TestMetrics } from "../../shared/evaluate/reportSchema.ts";
import { topClasses } from "../../shared/evaluate/softmax.ts";
import type { LabelStoreReader } from "../../shared/labels/labelStoreReader.ts";
import type { EvaluationTask, TestFindings } from "../../student-node/compute.ts";
import { teacherDisagreement } from "../../student-node/teacherDisagreement.ts";
import { logitsByBlocks } from "../../student-node/teacherLogits.ts";
import { teacherQuality } from "../../student-node/teacherQuality.ts";
import { testMetrics } from "../../student-node/testMetrics.ts";
import { unpackLineage } from "./lineage.ts";

/**
 * Reads the test split: teachers by their labels, as a run does, so that it needs them all. A simulated student draws its
 * answers from its hash: its numbers are those of a guess and say nothing, except that equal ones come from equal hashes.
 * There is no ensemble, as combining takes TensorFlow, and latencies are 0.
 */
export async function evaluateLineages(
  task: EvaluationTask,
  dataset: Dataset,
  labels: LabelStoreReader,
): Promise<TestFindings> {
  const { classes, splits } = dataset;
  const ids = splits.test;
  const truth = gatherLabels(dataset, ids);
  const rows = [...ids.keys()];
  const count = task.teachers.length;
  const qualities = [
    await teacherQuality(labels, dataset, count, splits.train),
    await teacherQuality(labels, dataset, count, splits.validation),
  ];
  const said: Float32Array[] = [];
  for (let k = 0; k < count; k++) said.push(await logitsByBlocks(labels, dataset, k, ids));
  return {
    type: "evaluation",
    teachers: task.teachers.map((name, k) => ({
      name,
      testSamples: rows.length,
      metrics: testMetrics(said[k] as Float32Array, truth, classes, rows),
      quality: {
        transfer: qualities[0]?.[k] as LabelQuality,
        validation: qualities[1]?.[k] as LabelQuality,
      },
    })),
    ensembleTestSamples: 0,
    ensemble: null,
    quorum: null,
    disagreement: await teacherDisagreement(count, dataset, task.chunkSize, labels),
    ensembleAnswersBy: task.ensemble.rule,
    scales: { temperatures: task.teachers.map(() => 1), weights: task.teachers.map(() => 1) },
    seeds: task.models.map(({ job, artifact }) => {
      const guess = guesses(unpackLineage(artifact).hash, ids.length * classes);
      return {
        job,
        metrics: testMetrics(guess, truth, classes, rows) as TestMetrics,
        correct: correctness(topClasses(guess, classes), truth),
      };
    }),
    latencies: [
      {
        latency: {
          backend: "simulated",
          batch1: { p50: 0, p99: 0 },
          perSampleAtBatch: { batch: 1, ms: 0 },
        },
      },
    ],
  };
}

function guesses(hash: string, count: number): Float32Array {
  const draws = rng(hash, "guesses");
  return Float32Array.from({ length: count }, () => draws.normal());
}
