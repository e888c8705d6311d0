import type { Bus, KeyValue, ObjectStore } from "../bus/bus.ts";
import type { Clock } from "../bus/clock.ts";
import { CorruptObject, RevisionConflict } from "../bus/errors.ts";
import { decodeCheckpoint } from "../compute/checkpoint.ts";
import { sha256 } from "../determinism/hash.ts";
import { StillhouseError } from "../errors.ts";
import { decode, encode } from "../protocol/codec.ts";
import { CheckpointPointer, type LineageEntry } from "../protocol/jobs.ts";
import { buckets } from "../protocol/subjects.ts";

/** Another node is at the same training, as it was handed out again, or has the lease by now. */
export class TrainedElsewhere extends StillhouseError {}

/** A training as a node takes it up. */
export interface Resumed {
  /** Null: from the start. */
  readonly state: Uint8Array | null;
  readonly fromStep: number;
  /** Who has trained it, this node last. */
  readonly lineage: LineageEntry[];
  /** Of training, over all attempts. */
  secondsSoFar(): number;
}

/** The checkpoints of one training: the blob first, then the pointer; the one before is kept until the next. */
export class Checkpoints {
  readonly #jobs: KeyValue;
  readonly #objects: ObjectStore;
  readonly #key: string;
  readonly #what: string;
  #last: { pointer: CheckpointPointer; revision: number } | undefined;

  private constructor(jobs: KeyValue, objects: ObjectStore, key: string, what: string) {
    this.#jobs = jobs;
    this.#objects = objects;
    this.#key = key;
    this.#what = what;
  }

  /** @param key of the pointer, in the bucket of jobs @param what is trained, for people */
  static async open(bus: Bus, key: string, what = key): Promise<Checkpoints> {
    return new Checkpoints(await bus.kv(buckets.jobs), await bus.objects(buckets.checkpoints), key, what);
  }

  /** Where a node goes on with the training: from its last checkpoint, or from the start. */
  async resume(node: string, clock: Clock): Promise<Resumed> {
    const found = await this.load();
    const { step = 0, seconds = 0, lineage = [] } = found?.pointer ?? {};
    const startedAt = clock.now();
    return {
      state: found?.state ?? null,
      fromStep: step,
      lineage: [...lineage, { node, fromStep: step }],
      secondsSoFar: () => seconds + (clock.now() - startedAt) / 1000,
    };
  }

  /** The last checkpoint that can be read: the one before it when its blob is lost or corrupt. */
  async load(): Promise<{ pointer: CheckpointPointer; state: Uint8Array } | undefined> {
    const stored = await this.#pointer();
    if (!stored) return undefined;
    const { pointer, revision } = stored;
    this.#last = stored;
    const state = await this.#read(pointer.object);
    if (state) return { pointer, state };
    const earlier = pointer.previous && (await this.#read(pointer.previous));
    if (!earlier) return undefined;
    const { previousStep: _, ...rest } = pointer;
    const before = {
      ...rest,
      object: pointer.previous as string,
      previous: null,
      step: decodeCheckpoint(earlier).step,
    };
    // What cannot be read is no previous checkpoint to keep.
    this.#last = { pointer: before, revision };
    return { pointer: before, state: earlier };
  }

  /** @throws TrainedElsewhere where another node has saved or removed one since */
  async save(at: Pick<CheckpointPointer, "step" | "lineage" | "seconds">, state: Uint8Array): Promise<void> {
    const object = `${this.#key}.${at.step}.${sha256(state)}`;
    await this.#objects.put(object, state);
    const before = this.#last?.pointer;
    const pointer: CheckpointPointer = {
      type: "checkpoint",
      object,
      previous: before?.object ?? null,
      ...(before && { previousStep: before.step }),
      ...at,
    };
    const value = encode(CheckpointPointer, pointer);
    const revision = await this.#point(value, at.step);
    this.#last = { pointer, revision };
    if (before?.previous && before.previous !== object) await this.#objects.delete(before.previous);
  }

  /** After the result is stored nobody goes on from here. */
  async remove(): Promise<void> {
    const last = this.#last?.pointer ?? (await this.#pointer())?.pointer;
    if (!last) return;
    await this.#jobs.delete(this.#key);
    for (const object of [last.object, last.previous]) if (object) await this.#objects.delete(object);
  }

  async #point(value: Uint8Array, step: number): Promise<number> {
    try {
      return this.#last
        ? await this.#jobs.update(this.#key, value, this.#last.revision)
        : await this.#jobs.create(this.#key, value);
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      throw new TrainedElsewhere(
        `Cannot go on with training ${this.#what} at step ${step}: another node has saved a checkpoint of it since this one did, so it trains it`,
        // On its way through a compute's thread an error loses its class, and keeps `retry`.
        { fields: { checkpoint: this.#key, step }, cause: error, retry: true },
      );
    }
  }

  async #pointer(): Promise<{ pointer: CheckpointPointer; revision: number } | undefined> {
    const entry = await this.#jobs.get(this.#key);
    if (!entry) return undefined;
    const pointer = decode(CheckpointPointer, entry.value, `checkpoint ${this.#key}`);
    return { pointer, revision: entry.revision };
  }

  async #read(object: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#objects.get(object);
    } catch (error) {
      if (error instanceof CorruptObject) return undefined;
      throw error;
    }
  }
}
