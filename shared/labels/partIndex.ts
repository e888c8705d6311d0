import type { KnownPart, LoggedPart } from "./labelStoreWriter.ts";

/** A sample by its place in the permutation of its shard. */
export interface SamplePlace {
  readonly shard: number;
  readonly place: number;
}

/** What some teachers said of samples in one view. */
export interface LabelsOfSamples {
  readonly view: number;
  readonly teachers: readonly number[];
  readonly samples: readonly SamplePlace[];
}

/** The parts that were read, by where their samples are. */
export class PartIndex {
  readonly #chunkSize: number;
  /** By view, teacher, shard and chunk: asked for each sample of each step. */
  readonly #parts: KnownPart[][][][][] = [];
  #anyInLogAlone = false;

  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  get anyInLogAlone(): boolean {
    return this.#anyInLogAlone;
  }

  add(part: KnownPart): void {
    const { view, teacher, shard, chunk } = part;
    inner(inner(inner(inner(this.#parts, view), teacher), shard), chunk).push(part);
    if (part.offset === undefined) this.#anyInLogAlone = true;
  }

  /** The part that a sample is in; undefined: it has not arrived. */
  of(view: number, teacher: number, shard: number, place: number): KnownPart | undefined {
    const chunk = Math.floor(place / this.#chunkSize);
    return this.at(view, teacher, shard, chunk, place - chunk * this.#chunkSize);
  }

  /** The same of a place in a chunk. */
  at(view: number, teacher: number, shard: number, chunk: number, inChunk: number): KnownPart | undefined {
    const parts = this.#parts[view]?.[teacher]?.[shard]?.[chunk];
    if (!parts) return undefined;
    for (const part of parts) if (inChunk >= part.from && inChunk < part.from + part.rows) return part;
    return undefined;
  }

  /**
   * Whether all of some labels have arrived.
   * @param isUsed whether what a teacher said of a sample is
   */
  hasAll(
    { view, teachers, samples }: LabelsOfSamples,
    isUsed: (teacher: number, shard: number, place: number) => boolean,
  ): boolean {
    return teachers.every((teacher) =>
      samples.every(
        ({ shard, place }) =>
          !isUsed(teacher, shard, place) || this.of(view, teacher, shard, place) !== undefined,
      ),
    );
  }

  /** Of each part that lies in the log alone, the rows of some labels; what has not arrived is left out. */
  rowsInLogAlone(
    { view, teachers, samples }: LabelsOfSamples,
    isUsed: (teacher: number, shard: number, place: number) => boolean,
  ): Map<LoggedPart, number[]> {
    const rows = new Map<LoggedPart, number[]>();
    for (const teacher of teachers) {
      for (const { shard, place } of samples) {
        if (!isUsed(teacher, shard, place)) continue;
        const part = this.of(view, teacher, shard, place);
        if (!part || part.offset !== undefined) continue;
        const list = rows.get(part) ?? [];
        rows.set(part, list);
        list.push((place % this.#chunkSize) - part.from);
      }
    }
    return rows;
  }
}

/** The list at a place of a list of lists, made where there is none. */
function inner<T>(of: T[][], place: number): T[] {
  const found = of[place] ?? [];
  of[place] = found;
  return found;
}
