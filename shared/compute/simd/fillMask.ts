import type { Rng } from "../../determinism/rng.ts";
import { Arena } from "./arena.ts";

const WORDS = 2 ** 32;
/** 32 KiB of numbers, so that copying them out reads what the processor still has near. */
const CHUNK = 8192;

let scratch: { arena: Arena; chunk: Float32Array } | null = null;

/**
 * Fills an array with a dropout mask: element `i` is 0 where word `i` of the stream is below rate * 2^32, else
 * 1 / (1 - rate). An array of an arena is written in place; any other goes through one.
 * @param rate in [0, 1)
 */
export function fillMask(out: Float32Array, rate: number, { key: [k0, k1] }: Pick<Rng, "key">): void {
  const scale = 1 / (1 - rate);
  // A whole word is below a bound exactly when it is below the next whole number.
  const dropped = Math.min(Math.ceil(rate * WORDS), WORDS);
  if (!(dropped > 0)) {
    out.fill(scale);
    return;
  }
  const fill = (arena: Arena, part: Float32Array, first: number): void =>
    arena.kernels.mask(arena.pointerTo(part), part.length, k0, k1, first, dropped - 1, scale);
  const own = Arena.holding(out);
  if (own !== undefined) {
    fill(own, out, 0);
    return;
  }
  scratch ??= newScratch();
  for (let first = 0; first < out.length; first += CHUNK) {
    const part = scratch.chunk.subarray(0, Math.min(CHUNK, out.length - first));
    fill(scratch.arena, part, first);
    out.set(part, first);
  }
}

function newScratch(): { arena: Arena; chunk: Float32Array } {
  const arena = new Arena(Arena.bytesFor([CHUNK]));
  return { arena, chunk: arena.floats(CHUNK) };
}
