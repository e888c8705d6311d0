/** Most samples that an embedding is told from where a spec does not say how many: the paper's 16,384 gather a gigabyte a step. */
const MOST = 4096;

/** Samples that an embedding is told from in each step, of a training split of `samples`. */
export function negativesOf({ negatives }: { negatives?: number | undefined }, samples: number): number {
  return negatives ?? Math.max(1, Math.min(MOST, Math.floor(samples / 8)));
}
