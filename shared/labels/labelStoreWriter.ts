import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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

/**
 * The labels that a student has read, so that later epochs touch neither teachers nor network: one append-only
 * file, whose index lives in memory. The writer is on the bus's side, readers are in the training threads.
 */
export class LabelStoreWriter {
  readonly path: string;
  readonly #folder: string;
  readonly #file: number;
  #end = 0;

  constructor(parent: string = tmpdir()) {
    this.#folder = mkdtempSync(join(parent, "stillhouse-labels-"));
    this.path = join(this.#folder, "labels.bin");
    this.#file = openSync(this.path, "wx");
  }

  append(part: Omit<StoredPart, "offset" | "bytes">, payload: Uint8Array): StoredPart {
    let written = 0;
    while (written < payload.byteLength) {
      written += writeSync(this.#file, payload, written, payload.byteLength - written, this.#end + written);
    }
    const stored = { ...part, offset: this.#end, bytes: payload.byteLength };
    this.#end += payload.byteLength;
    return stored;
  }

  get bytes(): number {
    return this.#end;
  }

  /** Closes and removes the file. */
  close(): void {
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
