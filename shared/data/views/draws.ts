import { wordAt } from "../../determinism/rng.ts";

/** Random numbers of one sample in one step of a view: the first draws of a sample are the same wherever it is. */
export interface Draws {
  /** The next 32-bit word. */
  uint32(): number;
  /** The next number in [0, 1), 32 bits fine. */
  uniform(): number;
  /** The next whole number in [0, n), n from 1 to 2^32, without modulo bias. */
  below(n: number): number;
}

/** Draws that are moved from sample to sample, so that a batch needs one object. */
export interface RowDraws extends Draws {
  /**
   * Begins the draws of a row.
   * @param key of the shard's stream, two 32-bit words
   */
  start(key: readonly [number, number], row: number): void;
}

/**
 * A row has a stream of its own, whose key is two words of the shard's. A range of the shard's stream would not do: a
 * step may take any number of words, and the index has 32 bits.
 */
export function rowDraws(): RowDraws {
  let k0 = 0;
  let k1 = 0;
  let next = 0;
  const uint32 = (): number => wordAt(k0, k1, next++);
  return {
    start([s0, s1], row) {
      k0 = wordAt(s0, s1, 2 * row) | 0;
      k1 = wordAt(s0, s1, 2 * row + 1) | 0;
      next = 0;
    },
    uint32,
    uniform: () => uint32() / 4294967296,
    below(n) {
      const limit = 4294967296 - (4294967296 % n);
      let word = uint32();
      while (word >= limit) word = uint32();
      return word % n;
    },
  };
}
