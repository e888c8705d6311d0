/**
 * Sets of k classes out of C in a fixed number of bytes (Elias 1974, Fano 1971): ascending, the low bits of each stand
 * one after the other, and the high bits in unary, as a 1 after as many 0s as they have grown. With l = floor(log2(C / k))
 * low bits that is k l + k + floor(C / 2^l) + 1 bits, at most two and a half more for each class than log2 of the
 * number of sets would be: 95 of 1,000 take 64 bytes, where numbers of two bytes take 190.
 */

/** Low bits of each class. */
function lowBits(k: number, classes: number): number {
  return k === 0 ? 0 : Math.max(0, Math.floor(Math.log2(classes / k)));
}

/** Bits of the high part: k ones, and a zero for each step of the high bits. */
function highBits(k: number, classes: number): number {
  return k + Math.floor(classes / 2 ** lowBits(k, classes)) + 1;
}

export function idSetBytes(k: number, classes: number): number {
  return Math.ceil((k * lowBits(k, classes) + highBits(k, classes)) / 8);
}

/**
 * @param ids ascending, each once, below `classes`; the first k are taken
 * @param bytes zeros from `at` on
 * @returns the byte after the set
 */
export function writeIdSet(
  ids: Uint32Array,
  k: number,
  classes: number,
  bytes: Uint8Array,
  at: number,
): number {
  const low = lowBits(k, classes);
  const mask = 2 ** low - 1;
  const start = at * 8 + k * low;
  // Low bits gather in a word, which gives its bytes away: at most 7 bits are left when up to 24 come.
  let word = 0;
  let held = 0;
  let byte = at;
  for (let i = 0; i < k; i++) {
    word |= ((ids[i] as number) & mask) << held;
    for (held += low; held >= 8; held -= 8) {
      bytes[byte++] = word;
      word >>>= 8;
    }
  }
  if (held > 0) bytes[byte] = word;
  for (let i = 0; i < k; i++) {
    const place = start + ((ids[i] as number) >>> low) + i;
    bytes[place >>> 3] = (bytes[place >>> 3] as number) | (1 << (place & 7));
  }
  return at + idSetBytes(k, classes);
}

/**
 * Reads a set into the first k of `ids`, ascending. What was not written by `writeIdSet` reads as some k numbers too:
 * ask `idSetFault` first.
 * @returns the byte after the set
 */
export function readIdSet(
  bytes: Uint8Array,
  at: number,
  k: number,
  classes: number,
  ids: Uint32Array,
): number {
  const low = lowBits(k, classes);
  const start = at * 8 + k * low;
  const end = start + highBits(k, classes);
  let found = 0;
  for (let bit = start; bit < end && found < k; bit++) {
    const byte = bytes[bit >>> 3] as number;
    if (byte === 0) {
      // Nothing in the rest of this byte.
      bit |= 7;
      continue;
    }
    if ((byte >>> (bit & 7)) & 1) {
      ids[found] = ((bit - start - found) << low) | lowPart(bytes, at * 8 + found * low, low);
      found++;
    }
  }
  return at + idSetBytes(k, classes);
}

/** `count` bits, at most 25, from bit `from` on. */
function lowPart(bytes: Uint8Array, from: number, count: number): number {
  const at = from >>> 3;
  const word =
    (bytes[at] as number) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24);
  return (word >>> (from & 7)) & (2 ** count - 1);
}

/** What is wrong with a stored set, or undefined. */
export function idSetFault(bytes: Uint8Array, at: number, k: number, classes: number): string | undefined {
  const low = lowBits(k, classes);
  const start = at * 8 + k * low;
  const end = (at + idSetBytes(k, classes)) * 8;
  const last = start + highBits(k, classes);
  let found = 0;
  let before = -1;
  for (let bit = start; bit < end; bit++) {
    if (!(((bytes[bit >>> 3] as number) >>> (bit & 7)) & 1)) continue;
    if (found === k || bit >= last) return `it lists more than ${k} classes`;
    const id = ((bit - start - found) << low) | lowPart(bytes, at * 8 + found * low, low);
    if (id <= before) return `class ${id} comes after ${before}`;
    if (id >= classes) return `it lists class ${id} of ${classes}`;
    before = id;
    found++;
  }
  return found < k ? `it lists ${found} classes, expected ${k}` : undefined;
}
