import { z } from "zod";

/** Distinct classes or draws that a sample's labels may list; counts of draws are 16 bits. */
export const MAX_SLOTS = 65_535;

/** The k largest logits of each sample, and how much is in the others at each temperature that is named. */
const TopK = z.strictObject({
  kind: z.literal("top-k"),
  k: z.int().min(1).max(MAX_SLOTS),
  /** The classes as a set of few bits, and a byte each; absent: numbers of classes and halves. */
  packed: z.literal(true).optional(),
  temperatures: z
    .array(z.number().positive().max(1000))
    .min(1)
    .max(16)
    .refine((all) => all.every((t, i) => i === 0 || t > (all[i - 1] as number)), {
      error: "expected temperatures that ascend, each once",
    }),
});

/** Classes drawn from the teacher's softmax at a temperature, with replacement. */
const Sampled = z.strictObject({
  kind: z.literal("sampled"),
  draws: z.int().min(1).max(MAX_SLOTS),
  temperature: z.number().positive().max(1000),
});

/**
 * How labels stand on the wire and in the label log: a part of the labelling's hash, so that labels of two encodings
 * are never taken for each other. How a reader fills in what an encoding left out is no part of it.
 */
export const StoredEncoding = z.union([
  z.enum(["half", "float32", "int8"]),
  z.discriminatedUnion("kind", [TopK, Sampled]),
]);
export type StoredEncoding = z.infer<typeof StoredEncoding>;
export type TopKEncoding = z.infer<typeof TopK>;
export type SampledEncoding = z.infer<typeof Sampled>;
/** Every class as a number of its own. */
export type NumberEncoding = "half" | "float32";
