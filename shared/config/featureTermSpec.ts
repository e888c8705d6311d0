import { z } from "zod";
import { ofAllTerms } from "./termFields.ts";

/** Terms by which a student learns from what a teacher has inside, and not from its answers. */
const variant = (official: string, principled: string) =>
  z
    .enum(["official", "principled"])
    .default("official")
    .describe(`official: ${official}, as the authors' code has it; principled: ${principled}`);

const teacher = z
  .string()
  .optional()
  .describe("name of the teacher whose feature it is; absent: the only teacher");
const layer = z
  .string()
  .min(1)
  .describe(
    "layer of the student, as `stillhouse plan` lists them: dense_1, conv_2, pointwise_3_relu, ff_sum_1",
  );

/** A feature beside a layer: both are tensors inside the models. */
const inside = (weight: number) => ({
  ...ofAllTerms(weight),
  teacher,
  feature: z.string().min(1).describe("one of the names of the teacher's `features`"),
  layer,
});
/** Relations between samples can also be those of the answers. */
const relations = (weight: number) => ({
  ...ofAllTerms(weight),
  teacher,
  feature: z
    .string()
    .min(1)
    .default("logits")
    .describe("one of the names of the teacher's `features`, or logits for its answers"),
  layer: layer.default("logits"),
});
const notNegative = z.number().nonnegative();

export const featureTerms = [
  z.strictObject({
    kind: z
      .literal("fitnets")
      .describe(
        "mean squared difference of a feature and what a learnt linear regressor makes of the layer; maps are brought to the smaller size by averages (Romero et al. 2015)",
      ),
    ...inside(100),
  }),
  z.strictObject({
    kind: z
      .literal("attention-transfer")
      .describe("where the maps of both are active: normalised means of squares (Zagoruyko, Komodakis 2017)"),
    ...inside(1000),
    variant: variant("mean of the squared differences", "their norm"),
  }),
  z.strictObject({
    kind: z
      .literal("vid")
      .describe(
        "variational information: a Gaussian around what a learnt regressor makes of the layer, whose variance is learnt for each channel (Ahn et al. 2019)",
      ),
    ...inside(1),
    initialVariance: z.number().min(1e-3).max(100).default(5).describe("of each channel"),
  }),
  z.strictObject({
    kind: z
      .literal("nst")
      .describe("neuron selectivity: the discrepancy of the channels' maps (Huang, Wang 2017)"),
    ...inside(50),
  }),
  z.strictObject({
    kind: z
      .literal("rkd")
      .describe(
        "distances of all pairs and angles of all triplets of samples; of batches above 128 the angles of the first 128 (Park et al. 2019)",
      ),
    ...relations(1),
    distance: notNegative.default(25).describe("weight of the distances"),
    angle: notNegative.default(50).describe("weight of the angles"),
  }),
  z.strictObject({
    kind: z
      .literal("similarity-preserving")
      .describe("similarities of all pairs of samples, each row normalised (Tung, Mori 2019)"),
    ...relations(3000),
  }),
  z.strictObject({
    kind: z
      .literal("crd")
      .describe(
        "contrastive: learnt embeddings of both agree on a sample, and not on others that a memory keeps (Tian et al. 2020)",
      ),
    ...relations(0.8),
    dimension: z.int().positive().default(128).describe("numbers of an embedding"),
    temperature: z
      .number()
      .min(0.02)
      .default(0.07)
      .describe("by which similarities are divided; below 0.02 their exponentials leave float32"),
    negatives: z
      .int()
      .positive()
      .optional()
      .describe(
        "other samples, drawn anew for each step; absent: an eighth of the training split, 4096 at most",
      ),
    shared: z
      .boolean()
      .default(true)
      .describe(
        "all samples of a batch have the same negatives; false: each its own, as in the paper, at many times the memory",
      ),
    momentum: z.number().min(0).lt(1).default(0.5).describe("share of a remembered embedding that stays"),
  }),
] as const;
