/** Bytes that are used at once and then again: memory that is new for each use costs more than a copy. */
export class Scratch {
  #bytes = new Uint8Array(0);

  /** So many, from the start of a buffer on; they hold what was there. */
  of(count: number): Uint8Array<ArrayBuffer> {
    if (this.#bytes.byteLength < count) this.#bytes = new Uint8Array(count);
    return this.#bytes.subarray(0, count);
  }
}
