import { labelWorkSubject } from "../shared/protocol/subjects.ts";
import type { MissingChunk } from "./missingLabels.ts";

interface Place {
  readonly chunk: MissingChunk;
  /** The next chunk of the same teacher, shard and view, where it was missing too. */
  next: Place | undefined;
  waits: boolean;
}

/** Chunks that are still to be asked for, in their order, and which of them are neighbours. */
export class WaitingChunks {
  /** The first at the end; what was removed meanwhile leaves it when it comes to be the first. */
  readonly #order: Place[];
  readonly #places = new Map<MissingChunk, Place>();

  constructor(chunks: readonly MissingChunk[]) {
    const byName = new Map<string, Place>();
    for (const chunk of chunks) {
      const place: Place = { chunk, next: undefined, waits: true };
      this.#places.set(chunk, place);
      byName.set(labelWorkSubject(chunk.key), place);
    }
    for (const place of this.#places.values()) {
      const { key } = place.chunk;
      place.next = byName.get(labelWorkSubject({ ...key, chunk: key.chunk + 1 }));
    }
    this.#order = [...this.#places.values()].reverse();
  }

  /** The first, which stays; undefined where none waits. */
  first(): MissingChunk | undefined {
    for (;;) {
      const first = this.#order.at(-1);
      if (!first || first.waits) return first?.chunk;
      this.#order.pop();
    }
  }

  remove(chunk: MissingChunk): void {
    const place = this.#places.get(chunk);
    if (place) place.waits = false;
  }

  /**
   * The first, and those behind it of the same teacher, shard and view up to the next multiple of `size`. They stay.
   * @param isFit whether another one may go along with it
   */
  group(size: number, isFit: (chunk: MissingChunk) => boolean): MissingChunk[] {
    const first = this.first();
    if (!first) return [];
    const group = [first];
    for (let place = this.#places.get(first)?.next; place; place = place.next) {
      if (place.chunk.key.chunk % size === 0 || !place.waits || !isFit(place.chunk)) break;
      group.push(place.chunk);
    }
    return group;
  }

  /** Before all others, in their order. */
  putBack(chunks: readonly MissingChunk[]): void {
    for (const chunk of [...chunks].reverse()) {
      const place = this.#places.get(chunk);
      if (!place) continue;
      place.waits = true;
      this.#order.push(place);
    }
  }
}
