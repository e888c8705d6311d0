/**
 * How far the labels of a run's chunks have come. A chunk is complete when all parts of the teachers that it needs are
 * read: of all, or with a quorum of those that the coordinator's decision names, which must be there first.
 */
export class ChunkProgress {
  /** Parts that are still to come, by chunk and teacher. */
  readonly #left: readonly number[][];
  /** Of each chunk the teachers that it needs; undefined: not decided. */
  readonly #needed: (readonly number[] | undefined)[];

  /** @param parts of each chunk, by teacher */
  constructor(parts: readonly (readonly number[])[], quorum: boolean) {
    this.#left = parts.map((ofChunk) => [...ofChunk]);
    this.#needed = parts.map((ofChunk) => (quorum ? undefined : ofChunk.map((_, teacher) => teacher)));
  }

  /** One part was read. */
  took(chunk: number, teacher: number): void {
    const left = this.#left[chunk] as number[];
    left[teacher] = (left[teacher] as number) - 1;
  }

  /** Whether a chunk waits for what a teacher said of it; undefined: that is not decided. */
  needs(chunk: number, teacher: number): boolean | undefined {
    return this.#needed[chunk]?.includes(teacher);
  }

  decided(chunk: number, present: readonly number[]): void {
    this.#needed[chunk] = present;
  }

  /** False for a chunk that there is not. */
  complete(chunk: number): boolean {
    return this.#needed[chunk]?.every((teacher) => this.#left[chunk]?.[teacher] === 0) ?? false;
  }
}
