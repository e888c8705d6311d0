import type { Arena } from "./simd/arena.ts";

/** L2 norm of all gradients together, which are of the arena; the same bits at every call. */
export function globalNorm(arena: Arena, gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const gradient of gradients) {
    sum += arena.kernels.sumOfSquares(arena.pointerTo(gradient), gradient.length);
  }
  return Math.sqrt(sum);
}

/** What gradients are multiplied by for a norm, all together, of at most `maxNorm`; 1 without a bound. */
export function clipFactor(arena: Arena, gradients: readonly Float32Array[], maxNorm?: number): number {
  if (maxNorm === undefined) return 1;
  const norm = globalNorm(arena, gradients);
  return norm <= maxNorm ? 1 : maxNorm / norm;
}
