import * as tf from "@tensorflow/tfjs";
import { type Rng, rng } from "../../../../shared/determinism/rng.ts";
import type { Named } from "../../../helpers/compiled.ts";

/** What one draw of a case computes. */
export interface Drawn {
  inputs: Named;
  compute(inputs: Record<string, tf.Tensor>): tf.Tensor | tf.Tensor[];
  tolerance?: number;
}

export interface Case {
  /** Its name in TensorFlow.js. */
  kernel: string;
  draw(draw: Draw): Drawn;
}

/** Random shapes, values and choices of one draw. The first draw of a case has rank 4, where the rank is free. */
export class Draw {
  readonly #rng: Rng;
  readonly place: number;

  constructor(kernel: string, place: number) {
    this.#rng = rng("parity", kernel, place);
    this.place = place;
  }

  /** A whole number from `from` to `to`. */
  whole(from: number, to: number): number {
    return from + this.#rng.below(to - from + 1);
  }
  chance(): boolean {
    return this.#rng.below(2) === 1;
  }
  pick<T>(choices: readonly T[]): T {
    return choices[this.#rng.below(choices.length)] as T;
  }
  rank(from = 0, to = 4): number {
    return this.place === 0 ? to : this.whole(from, to);
  }
  shape(rank = this.rank()): number[] {
    return Array.from({ length: rank }, () => this.whole(1, 5));
  }
  /** Each of the axes with an even chance, some of them counted from the end. */
  axes(rank: number): number[] {
    const axes = [...Array(rank).keys()].filter(() => this.chance());
    return this.#rng.shuffle(axes.map((axis) => (this.chance() ? axis - rank : axis)));
  }
  axis(rank: number): number {
    return this.whole(-rank, rank - 1);
  }
  permutation(n: number): number[] {
    return this.#rng.shuffle([...Array(n).keys()]);
  }
  /** A shape that broadcasts into another: its end, with some sizes 1. */
  broadcastable(shape: readonly number[]): number[] {
    return shape.slice(this.whole(0, shape.length)).map((n) => (this.whole(0, 3) === 0 ? 1 : n));
  }
  /** Two shapes that broadcast together, either of which may be the smaller one. */
  pair(): [number[], number[]] {
    const shape = this.shape();
    const other = this.broadcastable(shape);
    return this.chance() ? [shape, other] : [other, shape];
  }
  floats(shape: number[], from = -2, to = 2): tf.Tensor {
    return tf.tensor(
      this.#fill(shape, () => from + (to - from) * this.#rng.uniform()),
      shape,
    );
  }
  wholes(shape: number[], from = -5, to = 5): tf.Tensor {
    return tf.tensor(
      this.#fill(shape, () => this.whole(from, to)),
      shape,
      "int32",
    );
  }
  bools(shape: number[]): tf.Tensor {
    return tf.tensor(
      this.#fill(shape, () => this.whole(0, 1)),
      shape,
      "bool",
    );
  }
  /** Numbers among which each of the `special` ones is likely to be. */
  among(shape: number[], special: readonly number[]): tf.Tensor {
    const one = (): number => (this.chance() ? this.pick(special) : this.#rng.normal());
    return tf.tensor(this.#fill(shape, one), shape);
  }
  #fill(shape: number[], one: () => number): number[] {
    return Array.from({ length: tf.util.sizeFromShape(shape) }, one);
  }
}
