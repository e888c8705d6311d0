/** L2 norm of all gradients together. */
export function globalNorm(gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) {
      const value = gradient[i] as number;
      sum += value * value;
    }
  }
  return Math.sqrt(sum);
}

/**
 * Gradients whose norm together is at most `maxNorm`: the given ones where it already is, else scaled copies (a
 * backend may hand out one array for two equal gradients, so nothing is scaled in place).
 */
export function clipByGlobalNorm(gradients: Float32Array[], maxNorm: number): Float32Array[] {
  const norm = globalNorm(gradients);
  if (norm <= maxNorm) return gradients;
  const factor = maxNorm / norm;
  return gradients.map((gradient) => gradient.map((value) => value * factor));
}
