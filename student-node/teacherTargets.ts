import type * as tf from "@tensorflow/tfjs";
import type { TargetType, TargetValues } from "../shared/compute/objective.ts";
import type { PlainTermSpec, TermSpec } from "../shared/config/distillSpec.ts";
import { readsByTemperature, type TeacherEncoding } from "../shared/config/encodingOf.ts";
import type { EnsembleSpec } from "../shared/config/ensembleSpec.ts";
import { type Dataset, shardOf } from "../shared/data/dataset.ts";
import { placeOf } from "../shared/data/samplePlace.ts";
import { standardised } from "../shared/data/targets.ts";
import { targetTemperature } from "../shared/distill/targetTemperatures.ts";
import { temperatureAt } from "../shared/distill/termSchedule.ts";
import type { ViewLabels } from "../shared/labels/viewLabels.ts";
import { teacherLogits } from "./teacherLogits.ts";
import { calibrated, type TeacherScales } from "./teacherScales.ts";

/** Where a target is read: at one temperature, or at that of the term at a place, which changes from step to step. */
export type ReadAt = number | { readonly place: number };

/** What reads the teachers' answers. */
export type SaidLabels = Pick<ViewLabels, "read" | "readStored">;

/** What an objective is given of the teachers' answers. */
export interface TeacherTargets {
  readonly targets: Readonly<Record<string, TargetType>>;
  /** @param labels of what the student sees in the step */
  gather(labels: SaidLabels, ids: Uint32Array, step: number): Record<string, TargetValues>;
  /** Logits of a teacher, divided by its own temperature: their softmax at the temperature is what it said there. */
  logits(teacher: number, at: ReadAt, given: Readonly<Record<string, tf.Tensor>>): tf.Tensor2D;
  /** The same at T = 1, for a rule that weighs teachers in each sample by what they say there; undefined for others. */
  atOne(teacher: number, given: Readonly<Record<string, tf.Tensor>>): tf.Tensor2D | undefined;
  /** 1 at the classes that a teacher's labels hold, where a term joins the others as one; undefined: it does not. */
  stored(teacher: number, given: Readonly<Record<string, tf.Tensor>>): tf.Tensor2D | undefined;
}

/** Rules that weigh teachers in each sample by what they say at T = 1. */
const weighedAtOne: readonly EnsembleSpec["rule"][] = ["entropy", "ca-mkd"];

/**
 * One target a teacher; where what is decoded depends on the temperature, one for each at which the terms read it, named
 * `teacher-0@4`.
 * @param encodings of each teacher; absent: all hold a number for every class
 * @param teachers names of those that are heard
 */
export function teacherTargets(of: {
  readonly teachers: readonly string[];
  readonly terms: readonly PlainTermSpec[];
  readonly rule: EnsembleSpec["rule"];
  readonly encodings: readonly TeacherEncoding[] | undefined;
  readonly scales: TeacherScales;
  readonly dataset: Dataset;
  readonly stepsPerEpoch: number;
}): TeacherTargets {
  const { dataset, scales, terms } = of;
  const all = of.teachers.map((_, k) => k);
  const depends = all.map((k) => readsByTemperature(of.encodings?.[k] ?? { stored: "float32" }));
  const ghosts = all.filter((k) => of.encodings?.[k]?.tail === "ghost");
  const read = all.flatMap((k) =>
    (depends[k] ? readPlaces(terms, of.rule, of.teachers[k] as string) : [1]).map((at) => ({
      k,
      at,
      name: depends[k] ? nameAt(k, at) : plainName(k),
    })),
  );
  const temperatureOf = (at: ReadAt, step: number): number =>
    typeof at === "number"
      ? at
      : (temperatureAt(terms[at.place] as TermSpec, step, of.stepsPerEpoch) as number);
  const row = { dtype: "float32", shape: [dataset.classes] } as const;
  return {
    targets: Object.fromEntries([
      ...read.map(({ name }): [string, TargetType] => [name, row]),
      ...ghosts.map((k): [string, TargetType] => [storedName(k), row]),
    ]),
    gather(labels, ids, step) {
      const values: Record<string, TargetValues> = {};
      for (const { k, at, name } of read) {
        const own = scales.temperatures[k] as number;
        // What is divided by a teacher's own temperature and the term's is asked for at their product.
        const T = depends[k] ? own * temperatureOf(at, step) : 1;
        const said = calibrated(teacherLogits(labels, dataset, k, ids, T), own);
        values[name] = dataset.targets ? standardised(dataset.targets, said) : said;
      }
      for (const k of ghosts) values[storedName(k)] = storedClasses(labels, dataset, k, ids);
      return values;
    },
    logits: (k, at, given) => given[depends[k] ? nameAt(k, at) : plainName(k)] as tf.Tensor2D,
    atOne: (k, given) =>
      weighedAtOne.includes(of.rule) && depends[k] ? (given[nameAt(k, 1)] as tf.Tensor2D) : undefined,
    stored: (k, given) => given[storedName(k)] as tf.Tensor2D | undefined,
  };
}

const plainName = (k: number): string => `teacher-${k}`;
const nameAt = (k: number, at: ReadAt): string =>
  `teacher-${k}@${typeof at === "number" ? at : `term-${at.place}`}`;
const storedName = (k: number): string => `teacher-${k}-stored`;

/** Where the terms that listen to a teacher, and a rule that weighs teachers, read it: each once. */
function readPlaces(terms: readonly PlainTermSpec[], rule: EnsembleSpec["rule"], teacher: string): ReadAt[] {
  const fixed = new Set<number>(weighedAtOne.includes(rule) ? [1] : []);
  const changing: ReadAt[] = [];
  terms.forEach((term, place) => {
    const found = targetTemperature(term);
    if (!found || ("teacher" in term && term.teacher !== undefined && term.teacher !== teacher)) return;
    if ("cooling" in term && term.cooling) changing.push({ place });
    else fixed.add(found.at);
  });
  return [...[...fixed].sort((a, b) => a - b), ...changing];
}

function storedClasses(
  labels: SaidLabels,
  dataset: Dataset,
  teacher: number,
  ids: Uint32Array,
): Float32Array {
  const out = new Float32Array(ids.length * dataset.classes);
  ids.forEach((id, row) => {
    labels.readStored(teacher, shardOf(id), placeOf(dataset, id), out, row);
  });
  return out;
}
