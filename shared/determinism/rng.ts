import { createHash } from "node:crypto";

/**
 * Counter-based random numbers: draw `i` is a function of the key and `i` alone, so that a sample's draw does
 * not depend on who draws it, when, or beside which other samples.
 *
 * The mixer is triple32 (C. Wellons, "Prospecting for hash functions", 2018), applied twice with the two words
 * of the key between, which makes a 64-bit key.
 */
export interface Rng {
  /** The two 32-bit words that, with its index, decide a draw; for loops that draw in bulk. */
  readonly key: readonly [number, number];
  /** The i-th 32-bit word of this stream; does not move the cursor. */
  at(i: number): number;
  /** The next 32-bit word. */
  uint32(): number;
  /** The next number in [0, 1), 32 bits fine. */
  uniform(): number;
  /** The next whole number in [0, n), without modulo bias. */
  below(n: number): number;
  /** The next draw of a standard normal (Box-Muller, one draw from two words). */
  normal(): number;
  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<A extends { length: number; [i: number]: number }>(array: A): A;
}

function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 17), 0xed5ad4bb);
  h = Math.imul(h ^ (h >>> 11), 0xac4c1b51);
  h = Math.imul(h ^ (h >>> 15), 0x31848bab);
  return (h ^ (h >>> 14)) >>> 0;
}

/** The i-th 32-bit word of the stream of a key, whose words are 32-bit numbers of either sign. */
export function wordAt(k0: number, k1: number, i: number): number {
  return mix((mix((i + k0) | 0) + k1) | 0);
}

/** A stream of its own for each seed and name: `rng(seed, "mask", step, layer)`. */
export function rng(seed: number | string, ...name: readonly (string | number)[]): Rng {
  const digest = createHash("sha256")
    .update(JSON.stringify([seed, ...name]))
    .digest();
  const k0 = digest.readUInt32LE(0);
  const k1 = digest.readUInt32LE(4);
  let cursor = 0;

  const at = (i: number): number => wordAt(k0, k1, i);
  const uint32 = (): number => at(cursor++);
  const uniform = (): number => uint32() / 4294967296;
  const below = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 4294967296) {
      throw new RangeError(`Cannot draw below ${n}: expected a whole number from 1 to 2^32`);
    }
    const limit = 4294967296 - (4294967296 % n);
    let word = uint32();
    while (word >= limit) word = uint32();
    return word % n;
  };
  const normal = (): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  };
  const shuffle = <A extends { length: number; [i: number]: number }>(array: A): A => {
    for (let i = array.length - 1; i > 0; i--) {
      const j = below(i + 1);
      const kept = array[i] as number;
      array[i] = array[j] as number;
      array[j] = kept;
    }
    return array;
  };
  return { key: [k0, k1], at, uint32, uniform, below, normal, shuffle };
}
