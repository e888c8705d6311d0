import type { Arena } from "./simd/arena.ts";

/** A weight as a matrix whose columns are the incoming weights of one unit each. */
export interface UnitMatrix {
  readonly rows: number;
  readonly columns: number;
}

/**
 * How the incoming weights of units lie in a weight: a unit of a dense layer is a column of its kernel [in, units], one
 * of a convolution a filter [height, width, in, filters], and of a depthwise one a filter of one channel.
 * @param name layer and role: `dense_1/kernel`
 * @returns undefined for a weight that units have one number of (a bias), or that is looked up (an embedding)
 */
export function unitMatrix(name: string, shape: readonly number[]): UnitMatrix | undefined {
  const role = name.split("/").at(-1);
  const ofUnits = role === "kernel" || role === "projection" ? 1 : role === "depthwise_kernel" ? 2 : 0;
  if (ofUnits === 0 || shape.length <= ofUnits) return undefined;
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  return { rows: product(shape.slice(0, -ofUnits)), columns: product(shape.slice(-ofUnits)) };
}

/**
 * The bound on the incoming weights of every unit (Srivastava et al. 2014): after an update, w of L2 norm above c
 * becomes c w / |w|. Norms are sums of 32-bit floats, so the bound holds to their rounding.
 */
export class MaxNorm {
  readonly #bound: number;
  readonly #arena: Arena;
  readonly #matrices: readonly (UnitMatrix & { readonly place: number })[];
  /** Of the columns of one matrix: sums of squares, then what they are multiplied by. */
  readonly #factors: Float32Array;

  /** Numbers that it takes from the arena beside the weights. */
  static scratch(matrices: readonly (UnitMatrix | undefined)[]): number {
    return Math.max(0, ...matrices.map((matrix) => matrix?.columns ?? 0));
  }

  /**
   * @param bound c
   * @param weights of the arena; weight i is read as `matrices[i]`, or left alone without one
   */
  constructor(
    bound: number,
    arena: Arena,
    weights: readonly Float32Array[],
    matrices: readonly (UnitMatrix | undefined)[],
  ) {
    this.#bound = bound;
    this.#arena = arena;
    this.#matrices = matrices.flatMap((matrix, i) => {
      const weight = weights[i];
      return matrix && weight ? [{ ...matrix, place: arena.pointerTo(weight) }] : [];
    });
    this.#factors = arena.floats(MaxNorm.scratch(matrices));
  }

  /** Shortens what is too long. */
  apply(): void {
    const { kernels } = this.#arena;
    const scratch = this.#arena.pointerTo(this.#factors);
    for (const { rows, columns, place } of this.#matrices) {
      const factors = this.#factors.subarray(0, columns).fill(0);
      kernels.addColumnSquares(scratch, place, rows, columns);
      if (this.#toFactors(factors)) kernels.scaleColumns(place, scratch, rows, columns);
    }
  }

  /** @returns whether any unit is too long */
  #toFactors(sums: Float32Array): boolean {
    const most = this.#bound ** 2;
    let found = false;
    for (let i = 0; i < sums.length; i++) {
      const sum = sums[i] as number;
      if (sum > most) found = true;
      sums[i] = sum > most ? this.#bound / Math.sqrt(sum) : 1;
    }
    return found;
  }
}
