import type * as tf from "@tensorflow/tfjs";
import type { Objective, TargetType } from "../shared/compute/objective.ts";
import type { TermSpec } from "../shared/config/distillSpec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { distillationLoss } from "../shared/distill/distillationLoss.ts";
import { ensembleRules } from "../shared/distill/ensembles/registry.ts";
import { termNeeds } from "../shared/distill/termNeeds.ts";
import { temperatureAt, weightAt, weightChanges } from "../shared/distill/termSchedule.ts";
import { plainTermsOf } from "../shared/distill/termsOf.ts";
import type { LabelStoreReader } from "../shared/labels/labelStore.ts";
import { rngOf, type Seed } from "../shared/model/seed.ts";
import type { StudentTraining } from "./compute.ts";
import { featureSide } from "./featureSide.ts";
import { teacherLogits } from "./teacherLogits.ts";
import { calibrated, type TeacherScales } from "./teacherScales.ts";

type Targets = Readonly<Record<string, tf.Tensor>>;

/**
 * Learning from the teachers' labels, combined in the step, and from the true labels where there are any: the sum of
 * the spec's terms. Weights and temperatures that change from step to step come in as targets, so that nothing of a
 * step is baked into a compiled graph.
 */
export function distillingObjective(
  training: Pick<
    StudentTraining,
    "distill" | "ensemble" | "teachers" | "runSeed" | "job" | "features" | "chunkSize"
  >,
  dataset: Dataset,
  labels: Pick<LabelStoreReader, "read" | "readFeature">,
  scales: TeacherScales,
  stepsPerEpoch: number,
): Objective {
  const { ensemble, teachers, runSeed, job } = training;
  const rule = ensembleRules[ensemble.rule];
  const draws = ensemble.rule === "random";
  const terms = plainTermsOf(training.distill);
  const heard = terms.some(({ kind }) => termNeeds[kind].teachers) ? teachers : [];
  const perSample = (value: number, rows: number): Float32Array => new Float32Array(rows).fill(value);
  const scheduled = scheduledValues(terms, stepsPerEpoch);
  const seed = ["student", runSeed, job.seed];
  const inside = featureSide(training.features, dataset, labels, training.chunkSize, seed);
  return {
    taps: inside.taps,
    learnt: inside.learnt,
    emits: inside.emits,
    ...(inside.memory && { memory: inside.memory }),
    targets: {
      labels: { dtype: "int32", shape: [] },
      ...Object.fromEntries(
        heard.map((_, k): [string, TargetType] => [
          teacherName(k),
          { dtype: "float32", shape: [dataset.classes] },
        ]),
      ),
      ...Object.fromEntries(
        scheduled.map(({ name }): [string, TargetType] => [name, { dtype: "float32", shape: [] }]),
      ),
      ...(draws ? { drawn: { dtype: "float32", shape: [teachers.length] } as const } : {}),
      ...inside.targets,
    },
    gather: (ids, step) => ({
      labels: gatherLabels(dataset, ids),
      ...Object.fromEntries(
        heard.map((_, k) => [
          teacherName(k),
          calibrated(teacherLogits(labels, dataset, k, ids), scales.temperatures[k] as number),
        ]),
      ),
      ...Object.fromEntries(scheduled.map(({ name, at }) => [name, perSample(at(step), ids.length)])),
      ...(draws ? { drawn: drawnTeacher(seed, step, scales.weights, ids.length) } : {}),
      ...inside.gather(ids, step),
    }),
    loss: (student, targets, within) =>
      distillationLoss(terms, {
        student,
        labels: targets.labels as tf.Tensor1D,
        target: (term, temper) => {
          const { logits, weights } = teachersOf(term, teachers, scales, targets);
          const said = { logits, weights, student, labels: targets.labels as tf.Tensor1D };
          // One teacher is itself, by whatever rule.
          return logits.length === 1
            ? ensembleRules.arithmetic(said, temper)
            : rule({ ...said, drawn: targets.drawn as tf.Tensor2D | undefined }, temper);
        },
        weight: (place) => targets[weightName(place)] as tf.Tensor1D | undefined,
        temperature: (place) => targets[temperatureName(place)] as tf.Tensor1D | undefined,
        inside: (place) => inside.view(place, targets, within),
      }),
  };
}

const teacherName = (k: number): string => `teacher-${k}`;
const weightName = (place: number): string => `weight-${place}`;
const temperatureName = (place: number): string => `temperature-${place}`;

/** What changes over the steps, by the name of its target. */
function scheduledValues(
  terms: readonly TermSpec[],
  stepsPerEpoch: number,
): { name: string; at(step: number): number }[] {
  return terms.flatMap((term, place) => [
    ...(weightChanges(term)
      ? [{ name: weightName(place), at: (step: number) => weightAt(term, step, stepsPerEpoch) }]
      : []),
    ...("cooling" in term && term.cooling
      ? [
          {
            name: temperatureName(place),
            at: (step: number) => temperatureAt(term, step, stepsPerEpoch) as number,
          },
        ]
      : []),
  ]);
}

/** Logits and weights of the teachers that a term listens to: one of them, or all. */
function teachersOf(
  term: TermSpec,
  names: readonly string[],
  { weights }: TeacherScales,
  targets: Targets,
): { logits: tf.Tensor2D[]; weights: number[] } {
  const only = "teacher" in term && term.teacher !== undefined ? names.indexOf(term.teacher) : undefined;
  const places = only === undefined ? names.map((_, k) => k) : [only];
  return {
    logits: places.map((k) => targets[teacherName(k)] as tf.Tensor2D),
    weights: places.map((k) => (only === undefined ? (weights[k] as number) : 1)),
  };
}

/** 1 at the teacher of a step's batch, drawn by weight, and 0 at the others: [rows, teachers]. */
function drawnTeacher(seed: Seed, step: number, weights: readonly number[], rows: number): Float32Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = rngOf(seed, "teacher", step).uniform() * total;
  let chosen = 0;
  while (chosen < weights.length - 1 && left >= (weights[chosen] as number)) {
    left -= weights[chosen] as number;
    chosen++;
  }
  return Float32Array.from({ length: rows * weights.length }, (_, i) =>
    i % weights.length === chosen ? 1 : 0,
  );
}
