import type * as tf from "@tensorflow/tfjs";
import type { Objective, TargetType } from "../shared/compute/objective.ts";
import { answersOf, trueTargets } from "../shared/compute/trueTargets.ts";
import type { TermSpec } from "../shared/config/distillSpec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { taskOf } from "../shared/data/targets.ts";
import { labelledView } from "../shared/data/views/viewSchedule.ts";
import { distillationLoss } from "../shared/distill/distillationLoss.ts";
import { normaliseWeights } from "../shared/distill/ensembles/ensemble.ts";
import { ruleOf } from "../shared/distill/ensembles/ofTask.ts";
import { presentShares } from "../shared/distill/ensembles/present.ts";
import { taskTermLoss } from "../shared/distill/losses/taskTerms.ts";
import { termNeeds } from "../shared/distill/termNeeds.ts";
import { temperatureAt, weightAt, weightChanges } from "../shared/distill/termSchedule.ts";
import { plainTermsOf } from "../shared/distill/termsOf.ts";
import type { LabelsOfViews, ViewLabels } from "../shared/labels/viewLabels.ts";
import type { StudentTraining } from "./compute.ts";
import { featureSide } from "./featureSide.ts";
import { drawnTeachers, presentTeachers } from "./presentTargets.ts";
import type { TeacherScales } from "./teacherScales.ts";
import { type ReadAt, type TeacherTargets, teacherTargets } from "./teacherTargets.ts";

type Targets = Readonly<Record<string, tf.Tensor>>;

/**
 * Learning from the teachers' labels, combined in the step, and from the true labels where there are any: the sum of
 * the spec's terms. Weights and temperatures that change from step to step come in as targets, so that nothing of a
 * step is baked into a compiled graph.
 */
export function distillingObjective(
  training: Pick<
    StudentTraining,
    | "distill"
    | "ensemble"
    | "teachers"
    | "known"
    | "encodings"
    | "runSeed"
    | "job"
    | "features"
    | "chunkSize"
    | "views"
  >,
  dataset: Dataset,
  labels: LabelsOfViews,
  scales: TeacherScales,
  stepsPerEpoch: number,
): Objective {
  const { ensemble, teachers, runSeed, job, distill } = training;
  const task = taskOf(dataset);
  const rule = ruleOf(task, ensemble.rule);
  const truth = trueTargets(dataset);
  const terms = plainTermsOf(distill);
  const heard = terms.some(({ kind }) => termNeeds[kind].teachers) ? teachers : [];
  const answers = teacherTargets({
    teachers: heard,
    terms,
    rule: ensemble.rule,
    encodings: training.encodings,
    scales,
    dataset,
    stepsPerEpoch,
  });
  const draws = heard.length > 0 && ensemble.rule === "random";
  const quorum = heard.length > 0 && ensemble.quorum !== "all" ? ensemble.quorum.teachers : undefined;
  // What the teachers said of what the student sees in a step.
  const said = (step: number): ViewLabels =>
    labels.at(labelledView(training.views, Math.floor(step / stepsPerEpoch)));
  const perSample = (value: number, rows: number): Float32Array => new Float32Array(rows).fill(value);
  const scheduled = scheduledValues(terms, stepsPerEpoch);
  const seed = ["student", runSeed, job.seed];
  const inside = featureSide(training.features, dataset, training.chunkSize, seed);
  return {
    taps: inside.taps,
    learnt: inside.learnt,
    emits: inside.emits,
    ...(inside.memory && { memory: inside.memory }),
    targets: {
      ...truth.targets,
      ...answers.targets,
      ...Object.fromEntries(
        scheduled.map(({ name }): [string, TargetType] => [name, { dtype: "float32", shape: [] }]),
      ),
      ...(draws ? { drawn: { dtype: "float32", shape: [teachers.length] } as const } : {}),
      ...(quorum ? { present: { dtype: "float32", shape: [teachers.length] } as const } : {}),
      ...inside.targets,
    },
    gather: (ids, step) => {
      const own = said(step);
      const present =
        quorum === undefined ? undefined : presentTeachers(own, dataset, teachers.length, quorum, ids);
      return {
        ...truth.gather(ids, step),
        ...answers.gather(own, ids, step),
        ...Object.fromEntries(scheduled.map(({ name, at }) => [name, perSample(at(step), ids.length)])),
        ...(draws ? { drawn: drawnTeachers(seed, step, scales.weights, ids.length, present) } : {}),
        ...(present && { present }),
        ...inside.gather(ids, step, own),
      };
    },
    loss: (student, targets, within) =>
      distillationLoss(terms, {
        student,
        labels: targets.labels as tf.Tensor1D,
        target: (term, temper, at) => {
          const { logits, weights, atOne } = teachersOf(term, teachers, scales, answers, at, targets);
          const given = { logits, atOne, weights, student, labels: targets.labels as tf.Tensor1D };
          // One teacher is itself, by whatever rule; but what it does not know is the rule's to say.
          const part = ensemble.rule === "bridge" && ownTeacher(term, teachers) === undefined;
          if (logits.length === 1 && !part) return ruleOf(task, "arithmetic")(given, temper);
          const { drawn, present } = targets as { drawn?: tf.Tensor2D; present?: tf.Tensor2D };
          return rule({ ...given, drawn, present, known: training.known }, temper);
        },
        stored: (term) => {
          const own = teachers.length === 1 ? 0 : ownTeacher(term, teachers);
          return own === undefined ? undefined : answers.stored(own, targets);
        },
        apart: (term) => {
          const own = ownTeacher(term, teachers);
          const known = training.known ?? teachers.map(() => null);
          const partly = own === undefined ? ensemble.rule === "own-classes" : known[own] !== null;
          if (!partly || term.kind !== "kl") return undefined;
          // Such teachers' labels hold every class, and are the same at any temperature.
          const { logits, weights } = teachersOf(term, teachers, scales, answers, 1, targets);
          const { present } = targets as { present?: tf.Tensor2D };
          return (temper) => {
            const shares =
              present && own === undefined
                ? presentShares(weights, present)
                : normaliseWeights(weights, weights.length);
            return logits.map((of, k) => ({
              logits: temper(of),
              known: known[own ?? k] ?? null,
              share: shares[k] as number | tf.Tensor1D,
            }));
          };
        },
        ...(quorum !== undefined && {
          missing: {
            targeted: (term) => targetedRows(targets.present as tf.Tensor2D, ownTeacher(term, teachers)),
            labelsWeight: distill.terms ? undefined : 1,
          },
        }),
        ...(task !== "classification" && {
          taskLoss: (said, term, T) => taskTermLoss(task, { ...said, ...answersOf(targets) }, term, T),
        }),
        weight: (place) => targets[weightName(place)] as tf.Tensor1D | undefined,
        temperature: (place) => targets[temperatureName(place)] as tf.Tensor1D | undefined,
        inside: (place) => inside.view(place, targets, within),
      }),
  };
}

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

/** The place of the teacher that a term listens to alone. */
function ownTeacher(term: TermSpec | undefined, names: readonly string[]): number | undefined {
  return term && "teacher" in term && term.teacher !== undefined ? names.indexOf(term.teacher) : undefined;
}

/** 1 where somebody is present, or one teacher is, else 0: [batch, teachers] -> [batch]. */
function targetedRows(present: tf.Tensor2D, teacher: number | undefined): tf.Tensor1D {
  if (teacher === undefined) return present.max(-1).as1D();
  return present.slice([0, teacher], [-1, 1]).as1D();
}

/** Logits and weights of the teachers that a term listens to: one of them, or all. */
function teachersOf(
  term: TermSpec,
  names: readonly string[],
  { weights }: TeacherScales,
  answers: TeacherTargets,
  at: ReadAt,
  targets: Targets,
): { logits: tf.Tensor2D[]; atOne: tf.Tensor2D[]; weights: number[] } {
  const only = ownTeacher(term, names);
  const places = only === undefined ? names.map((_, k) => k) : [only];
  return {
    logits: places.map((k) => answers.logits(k, at, targets)),
    atOne: places.map((k) => answers.atOne(k, targets) ?? answers.logits(k, at, targets)),
    weights: places.map((k) => (only === undefined ? (weights[k] as number) : 1)),
  };
}
