import { StillhouseError } from "../../shared/errors.ts";
import { halfValues, toHalf } from "../../shared/labels/half.ts";
import { memoryPlaces } from "../memoryPlaces.ts";

/**
 * What a student said of each sample when it last saw it: probabilities in half precision, by sample id. Every sample of
 * an epoch is seen once, so in the next epoch these are the answers of the epoch before.
 */
export class PreviousAnswers {
  readonly #placeOf: (id: number) => number;
  readonly #classes: number;
  readonly #halves: Uint16Array;
  readonly #known: Uint8Array;

  /** @param ids samples that may be asked for, which have a place each */
  constructor(ids: Uint32Array, classes: number) {
    this.#placeOf = memoryPlaces(ids);
    this.#classes = classes;
    this.#halves = new Uint16Array(ids.length * classes);
    this.#known = new Uint8Array(ids.length);
  }

  /** @param logits [ids.length, classes] */
  remember(ids: Uint32Array, logits: Float32Array): void {
    const classes = this.#classes;
    ids.forEach((id, row) => {
      const place = this.#placeOf(id);
      const said = logits.subarray(row * classes, (row + 1) * classes);
      const max = said.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const sum = said.reduce((total, logit) => total + Math.exp(logit - max), 0);
      said.forEach((logit, c) => {
        this.#halves[place * classes + c] = toHalf(Math.exp(logit - max) / sum);
      });
      this.#known[place] = 1;
    });
  }

  /** @returns probabilities of sum 1, [ids.length, classes], and for each sample whether there are any; zeros where not */
  recall(ids: Uint32Array): { probabilities: Float32Array; known: readonly boolean[] } {
    const classes = this.#classes;
    const probabilities = new Float32Array(ids.length * classes);
    const known = Array.from(ids, (id, row) => {
      const place = this.#placeOf(id);
      if (!this.#known[place]) return false;
      const at = (c: number): number => halfValues[this.#halves[place * classes + c] as number] as number;
      let sum = 0;
      for (let c = 0; c < classes; c++) sum += at(c);
      // Rounding to half precision has moved the sum by up to a thousandth.
      for (let c = 0; c < classes; c++) probabilities[row * classes + c] = at(c) / sum;
      return true;
    });
    return { probabilities, known };
  }

  snapshot(): { halves: Uint16Array; known: Uint8Array } {
    return { halves: this.#halves.slice(), known: this.#known.slice() };
  }

  /** @throws StillhouseError for what another training remembered */
  restore(snapshot: unknown): void {
    const { halves, known } = (snapshot ?? {}) as { halves?: Uint16Array; known?: Uint8Array };
    if (halves?.length !== this.#halves.length || known?.length !== this.#known.length) {
      throw new StillhouseError(
        `Cannot go on with the answers of a checkpoint as they are ${halves?.length ?? 0} numbers for ${known?.length ?? 0} samples: expected ${this.#halves.length} for ${this.#known.length}`,
      );
    }
    this.#halves.set(halves);
    this.#known.set(known);
  }
}
