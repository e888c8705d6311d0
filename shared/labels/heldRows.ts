import type { LoggedPart } from "./labelStoreWriter.ts";

interface HeldRow {
  readonly bytes: Uint8Array;
  /** How often it was taken and not let go. */
  times: number;
}

/** Rows of parts that lie in the log alone, in memory as long as somebody needs them. */
export class HeldRows {
  readonly #rows = new Map<LoggedPart, Map<number, HeldRow>>();
  #bytes = 0;

  /** What the rows take now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param rows their places in the part @param payload the whole part */
  take(part: LoggedPart, rows: readonly number[], payload: Uint8Array): void {
    const width = part.bytes / part.rows;
    const held = this.#rows.get(part) ?? new Map<number, HeldRow>();
    this.#rows.set(part, held);
    for (const row of rows) {
      const known = held.get(row);
      if (known) {
        known.times++;
        continue;
      }
      // A copy, as a view would keep the whole part in memory.
      held.set(row, { bytes: payload.slice(row * width, (row + 1) * width), times: 1 });
      this.#bytes += width;
    }
  }

  of(part: LoggedPart, row: number): Uint8Array | undefined {
    return this.#rows.get(part)?.get(row)?.bytes;
  }

  /** Rows that are not held are let go already. */
  letGo(part: LoggedPart, rows: readonly number[]): void {
    const held = this.#rows.get(part);
    if (!held) return;
    for (const row of rows) {
      const known = held.get(row);
      if (!known || --known.times > 0) continue;
      held.delete(row);
      this.#bytes -= known.bytes.byteLength;
    }
    if (held.size === 0) this.#rows.delete(part);
  }

  clear(): void {
    this.#rows.clear();
    this.#bytes = 0;
  }
}
