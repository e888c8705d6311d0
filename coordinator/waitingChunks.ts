import { type ChunkKey, labelWorkSubject } from "../shared/protocol/subjects.ts";
import type { MissingChunk } from "./missingLabels.ts";

/** Chunks that are still to be asked for, in their order, and which of them are neighbours. */
export class WaitingChunks {
  /** The first at the end; what was taken meanwhile stands here no more than by name. */
  readonly #order: MissingChunk[];
  readonly #byName = new Map<string, MissingChunk>();

  constructor(chunks: readonly MissingChunk[]) {
    this.#order = [...chunks].reverse();
    for (const chunk of chunks) this.#byName.set(labelWorkSubject(chunk.key), chunk);
  }

  /** The first, which stays; undefined where none waits. */
  first(): MissingChunk | undefined {
    for (;;) {
      const first = this.#order.at(-1);
      if (!first || this.#byName.get(labelWorkSubject(first.key)) === first) return first;
      this.#order.pop();
    }
  }

  remove({ key }: MissingChunk): void {
    this.#byName.delete(labelWorkSubject(key));
  }

  /**
   * The first, and those behind it of the same teacher, shard and view up to the next multiple of `size`. They stay.
   * @param isFit whether another one may go along with it
   */
  group(size: number, isFit: (chunk: MissingChunk) => boolean): MissingChunk[] {
    const first = this.first();
    if (!first) return [];
    const group = [first];
    for (let { chunk } = first.key; ++chunk % size !== 0; ) {
      const next = this.#byName.get(labelWorkSubject({ ...first.key, chunk } satisfies ChunkKey));
      if (!next || !isFit(next)) break;
      group.push(next);
    }
    return group;
  }

  /** Before all others, in their order. */
  putBack(chunks: readonly MissingChunk[]): void {
    this.#order.push(...[...chunks].reverse());
    for (const chunk of chunks) this.#byName.set(labelWorkSubject(chunk.key), chunk);
  }
}
