/**
 * What a reader takes the classes for that top-k left out:
 * - `uniform`: they share what is in the tail equally;
 * - `ghost`: they are one outcome more; decodes as `uniform`, and the loss joins them by the mask of `decodeStored`;
 * - `renormalised`: there is nothing in them, and the others sum to 1.
 */
export type TailHandling = "ghost" | "uniform" | "renormalised";

/** How a reader takes labels that do not hold every class. */
export interface Reading {
  /** The temperature at which the softmax of what is decoded is the target, > 0. */
  readonly temperature: number;
  readonly tail: TailHandling;
  /**
   * Of a temperature whose tail is not stored: refused, or served as if all classes of the tail had one logit, the one
   * that they would have at the nearest stored temperature (by ratio).
   */
  readonly undeclared: "refuse" | "uniform";
}

export const PLAIN_READING: Reading = { temperature: 1, tail: "uniform", undeclared: "refuse" };

/** In logits divided by the temperature: so far below the largest that exp gives 0 in float64 and float32 alike. */
export const NOTHING = -1e4;
