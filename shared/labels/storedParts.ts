import { closeSync, openSync, readSync } from "node:fs";
import { StillhouseError } from "../errors.ts";
import type { HeldRows } from "./heldRows.ts";
import { type StoredPart, storeFile } from "./labelStoreWriter.ts";

/** Of parts that are read row by row once the memory is full. */
const LARGE_PART_BYTES = 64 * 1024;

/** The files of the label store as readers see them, with parts in memory up to a budget; what was read first goes first. */
export class StoredParts {
  readonly #path: string;
  readonly #first: number;
  /** Of the others the one that was read last: an epoch reads one view, and an open file keeps its room on the disk. */
  #other: { readonly number: number; readonly descriptor: number } | undefined;
  readonly #cacheBytes: number;
  readonly #cache = new Map<StoredPart, Uint8Array>();
  readonly #held: Pick<HeldRows, "bytes">;
  #cachedBytes = 0;

  /** @param held what else the budget is for */
  constructor(path: string, cacheBytes: number, held: Pick<HeldRows, "bytes">) {
    this.#path = path;
    this.#first = openSync(path, "r");
    this.#cacheBytes = cacheBytes;
    this.#held = held;
  }

  /** Bytes that hold a row of a part, and where it starts there. @param row its place in the part */
  rowOf(part: StoredPart, row: number): { bytes: Uint8Array; from: number } {
    const width = part.bytes / part.rows;
    const from = row * width;
    const full = this.#cachedBytes + this.#held.bytes + part.bytes > this.#cacheBytes;
    // A large part would push others out and be pushed out itself before its next row is asked for.
    if (full && part.bytes > LARGE_PART_BYTES && !this.#cache.has(part)) {
      return { bytes: this.#read(part.file, part.offset + from, width), from: 0 };
    }
    return { bytes: this.#bytesOf(part), from };
  }

  close(): void {
    closeSync(this.#first);
    this.#closeOther();
    this.#cache.clear();
  }

  #bytesOf(part: StoredPart): Uint8Array {
    const held = this.#cache.get(part);
    if (held) return held;
    const bytes = this.#read(part.file, part.offset, part.bytes);
    this.#cache.set(part, bytes);
    this.#cachedBytes += bytes.byteLength;
    // A Map keeps its order of insertion: the first is the oldest.
    for (const [oldest, held] of this.#cache) {
      if (this.#cachedBytes + this.#held.bytes <= this.#cacheBytes || oldest === part) break;
      this.#cache.delete(oldest);
      this.#cachedBytes -= held.byteLength;
    }
    return bytes;
  }

  #descriptorOf(file: number): number {
    if (file === 0) return this.#first;
    if (this.#other?.number !== file) {
      this.#closeOther();
      this.#other = { number: file, descriptor: this.#open(file) };
    }
    return this.#other.descriptor;
  }

  #open(file: number): number {
    const path = storeFile(this.#path, file);
    try {
      return openSync(path, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      throw new StillhouseError(
        `Cannot read labels in ${path}: they were let go, as checkpoints of all students are past them; what needs them goes on from its last checkpoint`,
        { fields: { path }, retry: true, cause: error },
      );
    }
  }

  #closeOther(): void {
    if (this.#other) closeSync(this.#other.descriptor);
    this.#other = undefined;
  }

  #read(file: number, offset: number, length: number): Uint8Array {
    const descriptor = this.#descriptorOf(file);
    const bytes = new Uint8Array(length);
    let read = 0;
    while (read < length) {
      const got = readSync(descriptor, bytes, read, length - read, offset + read);
      if (got === 0)
        throw new StillhouseError(`Cannot read ${length} bytes at ${offset}: the label store ends`);
      read += got;
    }
    return bytes;
  }
}
