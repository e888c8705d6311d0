import type { ObjectiveMemory } from "../shared/compute/objective.ts";
import { StillhouseError } from "../shared/errors.ts";
import { halfValues, toHalf } from "../shared/labels/half.ts";
import { rngOf, type Seed } from "../shared/model/seed.ts";
import { memoryPlaces } from "./memoryPlaces.ts";

export interface ContrastiveOptions {
  /** Samples of the training split, each of which has a place. */
  readonly ids: Uint32Array;
  readonly dimension: number;
  /** Others that a step is given. */
  readonly negatives: number;
  /** All samples of a batch have the same others. */
  readonly shared: boolean;
  /** Share of what is remembered that stays. */
  readonly momentum: number;
  readonly seed: Seed;
}

/** What a step is given: own [rows, dimension]; others [negatives, dimension], or that for each row. */
export interface RememberedBatch {
  readonly ownStudent: Float32Array;
  readonly ownTeacher: Float32Array;
  readonly otherStudent: Float32Array;
  readonly otherTeacher: Float32Array;
}

/**
 * The embeddings that student and teacher gave each sample when it was seen last (CRD, Tian et al. 2020): unit vectors
 * in half precision, drawn at random before the first time. A function of the training's steps alone.
 */
export class ContrastiveMemory {
  readonly #options: ContrastiveOptions;
  readonly #placeOf: (id: number) => number;
  readonly #sides: Record<"student" | "teacher", Uint16Array>;

  constructor(options: ContrastiveOptions) {
    this.#options = options;
    this.#placeOf = memoryPlaces(options.ids);
    this.#sides = { student: this.#drawn("student"), teacher: this.#drawn("teacher") };
  }

  /** Of the batch of a step. Others are drawn from all samples by seed and step; the batch's own may be among them. */
  recall(ids: Uint32Array, step: number): RememberedBatch {
    const { negatives, shared, seed } = this.#options;
    const stream = rngOf(seed, "negatives", step);
    const count = shared ? negatives : negatives * ids.length;
    const others = Uint32Array.from({ length: count }, () => stream.below(this.#options.ids.length));
    const own = Uint32Array.from(ids, (id) => this.#placeOf(id));
    return {
      ownStudent: this.#read("student", own),
      ownTeacher: this.#read("teacher", own),
      otherStudent: this.#read("student", others),
      otherTeacher: this.#read("teacher", others),
    };
  }

  /** @param embeddings unit vectors, [ids.length, dimension] */
  remember(side: "student" | "teacher", ids: Uint32Array, embeddings: Float32Array): void {
    const { dimension, momentum } = this.#options;
    const stored = this.#sides[side];
    const moved = new Float32Array(dimension);
    ids.forEach((id, row) => {
      const at = this.#placeOf(id) * dimension;
      for (let i = 0; i < dimension; i++) {
        const before = halfValues[stored[at + i] as number] as number;
        moved[i] = momentum * before + (1 - momentum) * (embeddings[row * dimension + i] as number);
      }
      writeUnit(moved, stored, at);
    });
  }

  snapshot(): unknown {
    return { student: this.#sides.student.slice(), teacher: this.#sides.teacher.slice() };
  }

  restore(snapshot: unknown): void {
    const held = snapshot as Partial<Record<"student" | "teacher", Uint16Array>> | undefined;
    for (const side of ["student", "teacher"] as const) {
      const values = held?.[side];
      if (values?.length !== this.#sides[side].length) {
        throw new StillhouseError(
          `Cannot go on with the memory of a checkpoint as its ${side}'s side holds ${values?.length ?? 0} numbers: expected ${this.#sides[side].length}`,
        );
      }
      this.#sides[side].set(values);
    }
  }

  #drawn(side: string): Uint16Array {
    const { ids, dimension, seed } = this.#options;
    const stream = rngOf(seed, "memory", side);
    const values = new Uint16Array(ids.length * dimension);
    const vector = new Float32Array(dimension);
    for (let at = 0; at < values.length; at += dimension) {
      for (let i = 0; i < dimension; i++) vector[i] = stream.normal();
      writeUnit(vector, values, at);
    }
    return values;
  }

  #read(side: "student" | "teacher", places: Uint32Array): Float32Array {
    const { dimension } = this.#options;
    const stored = this.#sides[side];
    const out = new Float32Array(places.length * dimension);
    places.forEach((place, row) => {
      for (let i = 0; i < dimension; i++) {
        out[row * dimension + i] = halfValues[stored[place * dimension + i] as number] as number;
      }
    });
    return out;
  }
}

/** Makes a vector one of length 1, and stores it in half precision. */
function writeUnit(vector: Float32Array, stored: Uint16Array, at: number): void {
  let sum = 0;
  for (const value of vector) sum += value * value;
  const norm = Math.sqrt(sum) || 1;
  vector.forEach((value, i) => {
    stored[at + i] = toHalf(value / norm);
  });
}

/** The memories of several terms as one. */
export function memoryOfTerms(
  memories: readonly { readonly place: number; readonly memory: ContrastiveMemory }[],
  name: (place: number, side: "student" | "teacher") => string,
): ObjectiveMemory | undefined {
  if (memories.length === 0) return undefined;
  return {
    after(_, { ids }, emitted) {
      for (const { place, memory } of memories) {
        for (const side of ["student", "teacher"] as const) {
          memory.remember(side, ids, emitted[name(place, side)] as Float32Array);
        }
      }
    },
    snapshot: () => memories.map(({ memory }) => memory.snapshot()),
    restore(snapshot) {
      const held = snapshot as readonly unknown[] | undefined;
      memories.forEach(({ memory }, i) => {
        memory.restore(held?.[i]);
      });
    },
  };
}
