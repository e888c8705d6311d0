/**
 * The part of the ensemble's accuracy that the student keeps: student / ensemble; above 1 where the student is better.
 * Null where the ensemble is never right.
 */
export function retention(student: number, ensemble: number): number | null {
  return ensemble > 0 ? student / ensemble : null;
}

/**
 * The part of the gap between the student alone and the ensemble that distillation closed:
 * (student - alone) / (ensemble - alone). Null where the ensemble is not better than the student alone: there is no gap.
 */
export function gapRecovered(student: number, alone: number, ensemble: number): number | null {
  return ensemble > alone ? (student - alone) / (ensemble - alone) : null;
}
