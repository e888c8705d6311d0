import type { Targets } from "./targets.ts";

/** The most samples that one shard holds. */
export const MAX_SHARD_ROWS = 65_536;

/** An immutable block of samples, identified by the hash of its inputs alone, so that other labels keep the shard. */
export interface Shard {
  /** 32 hexadecimal digits over type, shape and values of the inputs. */
  readonly hash: string;
  readonly rows: number;
  /** [rows, ...inputShape], row-major, over a SharedArrayBuffer so that worker threads see it without a copy. */
  readonly inputs: Uint8Array | Float32Array;
}

/** An ordered list of shards with labels and splits. */
export interface Dataset {
  readonly name: string;
  /** 32 hexadecimal digits over the shards, the visible labels, classes, scale and splits. */
  readonly hash: string;
  /** Without the batch: [28, 28, 1] for MNIST. */
  readonly inputShape: readonly number[];
  /** Numbers that a model gives for a sample: one a class, or of regression one an output. */
  readonly classes: number;
  /** What a stored input is multiplied by to become a model's input: 1/255 for bytes. */
  readonly inputScale: number;
  readonly shards: readonly Shard[];
  /**
   * One a shard: the class of each row, -1 where there is no label. Over SharedArrayBuffers too. Of other tasks, whose
   * answers are in `targets`: 0 where something is known of the row, -1 where nothing is.
   */
  readonly labels: readonly Int32Array[];
  /** Of other tasks than classification. */
  readonly targets?: Targets;
  readonly splits: Readonly<Record<Split, Uint32Array>>;
}

/** Sample ids of a split, ascending. */
export type Split = "train" | "validation" | "test";
export const splits = ["train", "validation", "test"] as const satisfies readonly Split[];

/** A sample's stable id: the place of its shard in the dataset, and its row there. */
export function sampleId(shard: number, row: number): number {
  return shard * MAX_SHARD_ROWS + row;
}
export function shardOf(id: number): number {
  return Math.floor(id / MAX_SHARD_ROWS);
}
export function rowOf(id: number): number {
  return id % MAX_SHARD_ROWS;
}
