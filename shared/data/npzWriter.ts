import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Zip, ZipPassThrough } from "fflate";
import { messageOf } from "../errors.ts";
import { DataError } from "./errors.ts";
import { type NpyType, npyElementBytes, npyHead } from "./npyBytes.ts";

/** An NPZ file that cannot be written. */
export class NpzUnwritable extends DataError {}

/** What a ZIP archive without the extension for larger ones can hold. */
const MAX_ZIP_BYTES = 2 ** 32 - 1;
/** Of the archive's own entries: far more than a few names take. */
const DIRECTORY_BYTES = 64 * 1024;
/** The earliest date that a ZIP archive can tell: the same arrays give the same bytes. */
const DATE = new Date(1980, 0, 1);

/**
 * Writes an NPZ file array by array and piece by piece, uncompressed, as `numpy.savez` does: under another name until
 * `finish`, so that there is a whole file or none.
 */
export class NpzWriter {
  readonly #path: string;
  readonly #written: string;
  readonly #draft: string;
  readonly #file: number;
  readonly #zip: Zip;
  #open: { name: string; entry: ZipPassThrough; left: number } | undefined;
  #promised = DIRECTORY_BYTES;
  #failure: unknown;
  bytes = 0;

  /** @param written the path as the user has it @throws NpzUnwritable */
  constructor(written: string) {
    this.#written = written;
    this.#path = resolve(written);
    this.#draft = `${this.#path}.${process.pid}.tmp`;
    this.#file = this.#try(() => {
      mkdirSync(dirname(this.#path), { recursive: true });
      return openSync(this.#draft, "w");
    });
    this.#zip = new Zip((error, chunk) => {
      // Called inside `push`, which it must not leave by an exception.
      this.#failure ??= error ?? undefined;
      if (this.#failure === undefined) this.#write(chunk);
    });
  }

  /**
   * Begins the next array; `write` then gives its numbers, as many as the shape says.
   * @throws NpzUnwritable when the file would be larger than a ZIP archive of this kind can be
   */
  begin(name: string, type: NpyType, shape: readonly number[]): void {
    this.#end();
    const head = npyHead(type, shape);
    const left = shape.reduce((product, size) => product * size, npyElementBytes(type));
    this.#promised += head.byteLength + left;
    if (this.#promised > MAX_ZIP_BYTES) {
      throw new NpzUnwritable(
        `Cannot write "${this.#written}" as its array "${name}" of shape [${shape.join(", ")}] makes it ${this.#promised} bytes: expected at most ${MAX_ZIP_BYTES}; float16 takes half of float32`,
        { fields: { file: this.#written, array: name, bytes: this.#promised } },
      );
    }
    const entry = new ZipPassThrough(`${name}.npy`);
    entry.mtime = DATE;
    this.#zip.add(entry);
    this.#open = { name, entry, left };
    entry.push(head, false);
    this.#throwFailure();
  }

  /** More of the numbers of the array that was begun, little-endian, row-major. */
  write(numbers: Uint8Array): void {
    const open = this.#open;
    if (!open || numbers.byteLength > open.left) {
      throw new RangeError(
        `Cannot write ${numbers.byteLength} bytes more into "${open?.name}": ${open?.left} are left`,
      );
    }
    open.left -= numbers.byteLength;
    open.entry.push(numbers, false);
    this.#throwFailure();
  }

  /** An array that is there whole. */
  add(name: string, type: NpyType, shape: readonly number[], numbers: Uint8Array): void {
    this.begin(name, type, shape);
    this.write(numbers);
  }

  /** Ends the file and gives it its name. */
  finish(): void {
    this.#end();
    this.#zip.end();
    this.#throwFailure();
    this.#try(() => {
      closeSync(this.#file);
      renameSync(this.#draft, this.#path);
    });
  }

  /** Takes back what was written. */
  abandon(): void {
    closeSync(this.#file);
    rmSync(this.#draft, { force: true });
  }

  #end(): void {
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    if (open.left > 0) throw new RangeError(`Cannot end "${open.name}": ${open.left} bytes are missing`);
    open.entry.push(new Uint8Array(0), true);
    this.#throwFailure();
  }

  #write(chunk: Uint8Array): void {
    try {
      for (let at = 0; at < chunk.byteLength; ) at += writeSync(this.#file, chunk, at);
      this.bytes += chunk.byteLength;
    } catch (error) {
      this.#failure = error;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) this.#refuse(this.#failure);
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      return this.#refuse(cause);
    }
  }

  #refuse(cause: unknown): never {
    throw new NpzUnwritable(
      `Cannot write "${this.#written}" (resolved to "${this.#path}"): ${messageOf(cause)}; choose another --out, or make room`,
      { fields: { file: this.#written }, cause },
    );
  }
}
