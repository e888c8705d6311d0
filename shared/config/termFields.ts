import { z } from "zod";

/** Fields that several terms of a loss have. */
export const positive = z.number().positive();
export const share = z.number().min(0).max(1);
export const epochs = z.int().nonnegative();

/** Of every term. */
export const ofAllTerms = (weight = 1) => ({
  weight: positive.default(weight).describe("of the term"),
  warmupEpochs: epochs.default(0).describe("epochs over which the weight rises linearly from 0"),
  decay: z
    .strictObject({
      to: share.describe("the end, as a share of the weight"),
      epochs: z.int().positive().describe("epochs over which it falls linearly, after the warm-up"),
    })
    .optional()
    .describe("how the weight falls; absent: it stays"),
});
