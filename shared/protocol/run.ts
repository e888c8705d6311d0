import { z } from "zod";
import { ModelMapping } from "../config/modelFileSpec.ts";
import { RunSpec } from "../config/spec.ts";
import { FeatureLayout } from "./features.ts";
import { Digest, Hash, NodeId, RunId } from "./identifiers.ts";
import { StoredEncoding } from "./storedEncoding.ts";
import { DataSource } from "./work.ts";

/** How a node turns a stored model into labels. */
export const TeacherModel = z.strictObject({
  /** The object that holds the model. */
  artifact: Digest,
  format: z.enum(["stillhouse", "tfjs-layers", "tfjs-graph", "saved-model", "onnx"]),
  mapping: ModelMapping,
  /** Of a cross-fitted teacher: the object bundles this many models, one a fold. */
  folds: z.int().min(2).optional(),
  /** Of a teacher that knows a part of the classes: the class of the data of each of its outputs. */
  classes: z.array(z.int().nonnegative()).min(2).optional(),
});
export type TeacherModel = z.infer<typeof TeacherModel>;

/** Of a model that was made here: it takes samples as they are and gives logits of the data's classes. */
export const ownMapping: ModelMapping = ModelMapping.parse({ output: "logits" });

export const RunTeacher = z.strictObject({
  name: z.string(),
  source: z.enum(["trained", "reused", "loaded", "imported", "student"]),
  /** Of a teacher that is trained in the run: one, or one a fold. */
  recipes: z.array(Hash),
  /** Null until the teacher is there. */
  ready: z
    .strictObject({
      identity: Hash,
      labelling: Hash,
      /** How its logits stand in the log: a part of the labelling. */
      encoding: StoredEncoding,
      /** Null for labels from elsewhere, which no node can serve. */
      model: TeacherModel.nullable(),
      /** What its numbers were before they became logits. */
      output: z.enum(["logits", "probabilities", "sigmoids", "values"]),
      /** What its labels carry beside logits, in the order of a row. */
      features: z.array(FeatureLayout),
      /** 0 where there is no model. */
      parameters: z.int().nonnegative(),
      /** Of the model, or of the files of labels. */
      bytes: z.int().positive(),
    })
    .nullable(),
});
export type RunTeacher = z.infer<typeof RunTeacher>;

/** What each teacher of a run knows, for who reads its labels; undefined where all know all classes. */
export function knownClasses(teachers: readonly RunTeacher[]): (number[] | null)[] | undefined {
  const known = teachers.map(({ ready }) => ready?.model?.classes ?? null);
  return known.some((classes) => classes !== null) ? known : undefined;
}

/** In which a run is worked on. */
export const workingStates = ["planned", "teaching", "distilling", "evaluating"] as const;
export type WorkingState = (typeof workingStates)[number];
export const runStates = [...workingStates, "paused", "done", "failed", "cancelled"] as const;
export type RunState = (typeof runStates)[number];

/** Whether nodes are to serve its teachers and train its students. */
export function isWorkingState(state: RunState): state is WorkingState {
  return (workingStates as readonly RunState[]).includes(state);
}

/** Whether a run may still read its labels, whether anybody works on it now or not. */
export function isLive({ state }: { readonly state: RunState }): boolean {
  return isWorkingState(state) || state === "paused";
}

/**
 * Coordinator -> everyone (KV, key = run): what the run is and where it stands. Teacher nodes serve the teachers of
 * the runs in a working state; student nodes train the students. Every change is a compare-and-set that carries the fence.
 */
export const RunRecord = z.strictObject({
  type: z.literal("run"),
  run: RunId,
  fence: z.int().nonnegative(),
  state: z.enum(runStates),
  /** Of a run that is paused: where it goes on. */
  pausedIn: z.enum(workingStates).optional(),
  spec: RunSpec,
  specHash: Hash,
  data: DataSource,
  shards: z.array(z.strictObject({ hash: Hash, rows: z.int().positive() })),
  teachers: z.array(RunTeacher),
  /**
   * Teacher passes, in samples: what the run needs, and what the log held when distilling began. Labels from elsewhere
   * are nobody's passes; nor are those that a quorum did without, when labelling has ended.
   */
  passes: z
    .strictObject({
      needed: z.int().nonnegative(),
      found: z.int().nonnegative(),
      imported: z.int().nonnegative(),
    })
    .nullable(),
  createdAtMs: z.number(),
  /** When each state was entered first. */
  enteredAtMs: z.partialRecord(z.enum(runStates), z.number()),
  /** When the last label that the run needs had arrived. */
  labelledAtMs: z.number().nullable(),
  /** Why it failed. */
  error: z.string().nullable(),
});
export type RunRecord = z.infer<typeof RunRecord>;

/** The coordinator of a run, or the student node that trains it (KV with TTL). `fence` is the revision at which it was created. */
export const LeaseRecord = z.strictObject({
  type: z.literal("lease"),
  holder: NodeId,
  fence: z.int().nonnegative(),
});
export type LeaseRecord = z.infer<typeof LeaseRecord>;
