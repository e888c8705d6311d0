import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { StillhouseError } from "../errors.ts";
import { isDiskFull, NoRoomForLabels } from "./labelStoreRoom.ts";

/** Where one part of a chunk stands in one of the store's files. */
export interface StoredPart {
  readonly teacher: number;
  /** Its number, 0 for the samples themselves. */
  readonly view: number;
  readonly shard: number;
  readonly chunk: number;
  /** Place in the chunk of the part's first row, and how many rows it has. */
  readonly from: number;
  readonly rows: number;
  /** Number of the file, 0 for the first. */
  readonly file: number;
  readonly offset: number;
  readonly bytes: number;
}

/** A part that the store has no room for: it lies in the label log alone. */
export type LoggedPart = Omit<StoredPart, "file" | "offset"> & { readonly offset?: never };

/** A part whose labels were read. */
export type KnownPart = StoredPart | LoggedPart;

/** A part as it comes. */
type NewPart = Omit<LoggedPart, "bytes" | "offset">;

export interface LabelStoreOptions {
  /** The most that the files may hold; absent: whatever comes. */
  readonly maxBytes?: number | undefined;
  /** Each view has a file of its own, which can be let go; absent: all are in one. */
  readonly byView?: boolean;
  /** Writes bytes into a file; absent: as Node.js does. */
  readonly write?: typeof writeSync;
}

/** A file of the store, by the path of the first and its number. */
export function storeFile(path: string, number: number): string {
  return number === 0 ? path : `${path}.${number}`;
}

/**
 * The labels that a student has read, so that later epochs touch neither teachers nor network: an append-only file, or of
 * fresh views one each, whose index lives in memory. The writer is on the bus's side, readers are in the training threads.
 * What came first stays, until its view is let go: what would make the files larger than they may be is left to the log.
 */
export class LabelStoreWriter {
  readonly path: string;
  readonly #folder: string;
  readonly #files = new Map<number, { readonly descriptor: number; end: number }>();
  readonly #options: LabelStoreOptions;
  #isClosed = false;

  constructor(parent: string = tmpdir(), options: LabelStoreOptions = {}) {
    this.#folder = mkdtempSync(join(parent, "stillhouse-labels-"));
    this.path = join(this.#folder, "labels.bin");
    this.#options = options;
    this.#open(0);
  }

  /** @throws NoRoomForLabels where the disk is full; StillhouseError where the store is closed */
  append(part: NewPart, payload: Uint8Array): KnownPart {
    // The file's descriptor may be another file's by now.
    if (this.#isClosed) {
      throw new StillhouseError(`Cannot append labels to ${this.path}: this label store is closed`);
    }
    const { maxBytes = Number.POSITIVE_INFINITY, byView = false, write = writeSync } = this.#options;
    const { byteLength: bytes } = payload;
    if (this.bytes + bytes > maxBytes) return { ...part, bytes };
    const number = byView ? part.view : 0;
    const file = this.#files.get(number) ?? this.#open(number);
    try {
      let written = 0;
      while (written < bytes) {
        written += write(file.descriptor, payload, written, bytes - written, file.end + written);
      }
    } catch (error) {
      if (isDiskFull(error)) throw this.#noRoom(part, bytes, error);
      throw error;
    }
    const stored = { ...part, file: number, offset: file.end, bytes };
    file.end += bytes;
    return stored;
  }

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { end }) => sum + end, 0);
  }

  /** Removes what nobody reads any more: of views that have files of their own, those before `view`, but the samples themselves. */
  letGoBefore(view: number): void {
    for (const [number, { descriptor }] of this.#files) {
      if (number === 0 || number >= view) continue;
      closeSync(descriptor);
      rmSync(storeFile(this.path, number));
      this.#files.delete(number);
    }
  }

  /** Closes and removes the files. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { descriptor } of this.#files.values()) closeSync(descriptor);
    this.#files.clear();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #open(number: number): { readonly descriptor: number; end: number } {
    const file = { descriptor: openSync(storeFile(this.path, number), "wx"), end: 0 };
    this.#files.set(number, file);
    return file;
  }

  #noRoom(part: NewPart, bytes: number, cause: unknown): NoRoomForLabels {
    const { teacher, view, shard, chunk } = part;
    const folder = dirname(this.#folder);
    return new NoRoomForLabels(
      `Cannot keep the ${bytes} bytes of labels of teacher ${teacher}, shard ${shard}, view ${view}, chunk ${chunk} in ${folder} as its disk is full: the label store has ${this.bytes} bytes; free some, let TMPDIR name another folder, or lower student.labelStoreBytes`,
      { fields: { folder, teacher, view, shard, chunk, bytes, storedBytes: this.bytes }, cause },
    );
  }
}
