import type { Dataset } from "../shared/data/dataset.ts";

/**
 * Every other sample of validation: what is found on one half is not judged by what the other has fitted.
 * @param odd which of the two
 */
export function validationHalf({ splits }: Pick<Dataset, "splits">, odd: 0 | 1): Uint32Array {
  return splits.validation.filter((_, i) => i % 2 === odd);
}
