import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { StillhouseError } from "../errors.ts";
import { isDiskFull, NoRoomForLabels } from "./labelStoreRoom.ts";

/** Where one part of a chunk stands in the store's file. */
export interface StoredPart {
  readonly teacher: number;
  /** Its number, 0 for the samples themselves. */
  readonly view: number;
  readonly shard: number;
  readonly chunk: number;
  /** Place in the chunk of the part's first row, and how many rows it has. */
  readonly from: number;
  readonly rows: number;
  readonly offset: number;
  readonly bytes: number;
}

/** A part that the store has no room for: it lies in the label log alone. */
export type LoggedPart = Omit<StoredPart, "offset"> & { readonly offset?: never };

/** A part whose labels were read. */
export type KnownPart = StoredPart | LoggedPart;

export interface LabelStoreOptions {
  /** The most that the file may hold; absent: whatever comes. */
  readonly maxBytes?: number | undefined;
  /** Writes bytes into a file; absent: as Node.js does. */
  readonly write?: typeof writeSync;
}

/**
 * The labels that a student has read, so that later epochs touch neither teachers nor network: one append-only
 * file, whose index lives in memory. The writer is on the bus's side, readers are in the training threads. What came
 * first stays: what would make the file larger than it may be is left to the log.
 */
export class LabelStoreWriter {
  readonly path: string;
  readonly #folder: string;
  readonly #file: number;
  readonly #maxBytes: number;
  readonly #write: typeof writeSync;
  #end = 0;
  #isClosed = false;

  constructor(parent: string = tmpdir(), { maxBytes, write }: LabelStoreOptions = {}) {
    this.#folder = mkdtempSync(join(parent, "stillhouse-labels-"));
    this.path = join(this.#folder, "labels.bin");
    this.#file = openSync(this.path, "wx");
    this.#maxBytes = maxBytes ?? Number.POSITIVE_INFINITY;
    this.#write = write ?? writeSync;
  }

  /** @throws NoRoomForLabels where the disk is full; StillhouseError where the store is closed */
  append(part: Omit<StoredPart, "offset" | "bytes">, payload: Uint8Array): KnownPart {
    // The file's descriptor may be another file's by now.
    if (this.#isClosed) {
      throw new StillhouseError(`Cannot append labels to ${this.path}: this label store is closed`);
    }
    const { byteLength: bytes } = payload;
    if (this.#end + bytes > this.#maxBytes) return { ...part, bytes };
    try {
      let written = 0;
      while (written < bytes) {
        written += this.#write(this.#file, payload, written, bytes - written, this.#end + written);
      }
    } catch (error) {
      if (isDiskFull(error)) throw this.#noRoom(part, bytes, error);
      throw error;
    }
    const stored = { ...part, offset: this.#end, bytes };
    this.#end += bytes;
    return stored;
  }

  get bytes(): number {
    return this.#end;
  }

  /** Closes and removes the file. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #noRoom(part: Omit<StoredPart, "offset" | "bytes">, bytes: number, cause: unknown): NoRoomForLabels {
    const { teacher, view, shard, chunk } = part;
    const folder = dirname(this.#folder);
    return new NoRoomForLabels(
      `Cannot keep the ${bytes} bytes of labels of teacher ${teacher}, shard ${shard}, view ${view}, chunk ${chunk} in ${folder} as its disk is full: the label store has ${this.#end} bytes; free some, let TMPDIR name another folder, or lower student.labelStoreBytes`,
      { fields: { folder, teacher, view, shard, chunk, bytes, storedBytes: this.#end }, cause },
    );
  }
}
