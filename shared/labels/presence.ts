/** A chunk of which it is decided whose labels are used. */
export interface DecidedChunk {
  /** Number of the view, 0 for the samples themselves. */
  readonly view: number;
  /** Its place in the dataset. */
  readonly shard: number;
  readonly chunk: number;
  /** Places of teachers, ascending. */
  readonly present: readonly number[];
}

/**
 * Whose labels of which chunk a run uses, as its coordinator decided. What came after a decision may lie in the store and
 * is not looked at. Without any decision, as in runs without a quorum, everybody's are used.
 */
export class Presence {
  readonly #decided = new Map<string, DecidedChunk>();

  decide(decided: DecidedChunk): void {
    this.#decided.set(nameOf(decided.view, decided.shard, decided.chunk), decided);
  }

  has(view: number, teacher: number, shard: number, chunk: number): boolean {
    // Asked for each sample of each step, and there are decisions only with a quorum.
    if (this.#decided.size === 0) return true;
    return this.#decided.get(nameOf(view, shard, chunk))?.present.includes(teacher) ?? true;
  }

  /** All decisions, in the order in which they were heard. */
  get decided(): Iterable<DecidedChunk> {
    return this.#decided.values();
  }
}

function nameOf(view: number, shard: number, chunk: number): string {
  return `${view}/${shard}/${chunk}`;
}
