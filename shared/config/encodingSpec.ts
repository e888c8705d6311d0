import { z } from "zod";
import { MAX_SLOTS } from "../protocol/storedEncoding.ts";

/** How a teacher's answers are stored, and how students take what an encoding leaves out. */
const temperature = z.number().positive().max(1000);
const slots = z.int().min(1).max(MAX_SLOTS);

/** Temperatures whose tails a sample's labels can hold. */
export const MOST_TEMPERATURES = 16;

const TopKSpec = z.strictObject({
  kind: z
    .literal("top-k")
    .describe(
      "the k largest logits of each sample, and for each temperature that is named how much probability the others share",
    ),
  k: slots.describe("classes of each sample that are stored; from the number of classes on, all are"),
  packed: z
    .boolean()
    .default(false)
    .describe(
      "the classes in as few bits as a set takes, and their logits in a byte each, off by at most 1/510 of the range of the k: of 1,000 classes 112 take the bytes of 49",
    ),
  temperatures: z
    .array(temperature)
    .min(1)
    .max(MOST_TEMPERATURES - 1)
    .optional()
    .describe(
      "at which students may read the labels, beside 1, which always is; part of the labelling, so list those of several runs to share their passes; absent: those of the terms of `distill`",
    ),
  tail: z
    .enum(["uniform", "ghost", "renormalised"])
    .default("uniform")
    .describe(
      "the classes that are not stored share the tail's probability equally; or are one class more, in `kl` of one teacher; or have none, and the others sum to 1",
    ),
  undeclared: z
    .enum(["refuse", "uniform"])
    .default("refuse")
    .describe(
      "another temperature than those named, as cooling and calibration ask for: an error; or an approximation, as if all classes of the tail had one logit",
    ),
});

const SampledSpec = z.strictObject({
  kind: z
    .literal("sampled")
    .describe("classes drawn from the teacher's softmax, each with how often it came, and its logit"),
  draws: slots.describe("draws of each sample, with replacement"),
  temperature: temperature
    .default(1)
    .describe(
      "at which they are drawn: targets at it are right on average, at others the draws are weighted",
    ),
});

export const EncodingSpec = z.union([z.enum(["half", "float32", "int8"]), TopKSpec, SampledSpec]);

export type EncodingSpec = z.infer<typeof EncodingSpec>;
