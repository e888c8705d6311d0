import type { Logger } from "pino";
import type { Bus } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import type { DataSources } from "../shared/data/openSource.ts";
import type { LogitAgreement } from "../shared/evaluate/reportSchema.ts";
import type { RunRecord, RunTeacher, TeacherModel } from "../shared/protocol/run.ts";
import type { TeacherCompute } from "./compute.ts";
import type { ItemsAtDevice } from "./itemsAtDevice.ts";
import type { WantedRecipes } from "./wantedRecipes.ts";

/** What the parts of one teacher node share. */
export interface NodeContext {
  readonly bus: Bus;
  readonly compute: TeacherCompute;
  readonly node: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly data: DataSources;
  readonly counters: Counters;
  readonly atDevice: ItemsAtDevice;
  /** Hashes of the data that the compute was given for labelling. */
  readonly inCompute: Set<string>;
  /** Between two checkpoints of a training. */
  readonly checkpointMs: number;
  /** How long it may take for the last one when it is to end. */
  readonly graceMs: number;
  /** Trainings that are asked for. */
  readonly recipes: WantedRecipes;
  /** What the node does now, for people. */
  readonly doing: Set<string>;
  /** Labelling -> the teacher, and what ends its serving. */
  readonly serving: Map<string, { readonly teacher: ServedTeacher; readonly stop: AbortController }>;
  /** Labelling -> why this node may not serve it. */
  readonly refused: Map<string, string>;
}

/** A teacher of live runs, as this node is to serve it. */
export interface ServedTeacher extends NonNullable<RunTeacher["ready"]> {
  readonly name: string;
  readonly model: TeacherModel;
  /** Those that need it now, one at least. They agree on its encoding and the chunk size, but perhaps not on the data. */
  runs: readonly [RunRecord, ...RunRecord[]];
  /** Strict where one of them is. */
  readonly numerics: RunRecord["spec"]["numerics"];
  /** Threads of one operator that it was loaded with. */
  threads: number;
  /** How near it is to itself in floats, where it is in whole numbers. */
  quantised: LogitAgreement | null;
  /** First shard of a run's data -> whether this node may label that data; rejects where it may not. */
  readonly admitted: Map<string, Promise<void>>;
  /** It is loaded and its work is pulled: only then others may count on this node. */
  atWork: boolean;
}

/** Of this process since it started: the proof of passes made and not made. */
export interface Counters {
  samplesPredicted: number;
  chunksLabelled: number;
  redeliveries: number;
}

export function emptyCounters(): Counters {
  return { samplesPredicted: 0, chunksLabelled: 0, redeliveries: 0 };
}

/** Between two checkpoints of a teacher's training: what a node that dies takes with it. */
export const CHECKPOINT_MS = 60_000;
/** A training that reports no progress for this long has hung. */
export const MAX_SILENCE_MS = 60_000;
