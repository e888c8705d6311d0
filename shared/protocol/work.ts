import { z } from "zod";
import { ArchSpec } from "../config/archSpec.ts";
import { DataSpec } from "../config/dataSpec.ts";
import { ComputeSpec } from "../config/spec.ts";
import { TeacherTrainSpec } from "../config/trainSpec.ts";
import { Hash } from "./identifiers.ts";

/** That one work item asks for. */
export const MAX_CHUNKS_TOGETHER = 16;

/**
 * Coordinator -> one teacher node serving `labelling` (work queue): label `count` chunks of a shard, from `chunk` on. The
 * node answers by appending `Labels` to the log, one message a part, and acknowledges when the log has acknowledged them
 * all. Teacher node -> another one: the same of one chunk, of several that it does not come to.
 */
export const LabelChunks = z.strictObject({
  type: z.literal("label-chunks"),
  labelling: Hash,
  shard: Hash,
  view: Hash,
  chunk: z.int().nonnegative(),
  count: z.int().min(1).max(MAX_CHUNKS_TOGETHER),
});
export type LabelChunks = z.infer<typeof LabelChunks>;

/** A work item that is not acknowledged for this long is handed to another node. */
export const ACK_WAIT_MS = 10_000;
/** After so many deliveries a chunk is given up. */
export const LABEL_MAX_DELIVER = 5;
/** A chunk that computes for longer than this has hung. */
export const MAX_CHUNK_MS = 120_000;

/** Where a node finds the data: the spec's part, and the folder its relative paths start from. */
export const DataSource = z.strictObject({ spec: DataSpec, baseDir: z.string(), hash: Hash });
export type DataSource = z.infer<typeof DataSource>;

/**
 * Coordinator -> one teacher node (work queue). The node trains, stores the model in the weights bucket under its
 * digest, writes `TrainedTeacher` under the recipe (the first answer stands) and acknowledges.
 */
export const TrainTeacher = z.strictObject({
  type: z.literal("train-teacher"),
  recipe: Hash,
  name: z.string(),
  model: ArchSpec,
  train: TeacherTrainSpec,
  data: DataSource,
  compute: ComputeSpec,
  /** Left out of the training data; null: all are trained on. */
  fold: z.strictObject({ index: z.int().nonnegative(), of: z.int().min(2) }).nullable(),
  /** Classes that it is to know, in the order of its outputs; left out: all. */
  classes: z.array(z.int().nonnegative()).min(2).optional(),
});
export type TrainTeacher = z.infer<typeof TrainTeacher>;
