import { z } from "zod";
import { featureTerms } from "./featureTermSpec.ts";
import { SelfLosses, type SelfTermSpec, SelfTerms } from "./selfTermSpec.ts";
import { epochs, ofAllTerms, positive, share } from "./termFields.ts";

/** What a student minimises: one of the field's losses by name, or a list of terms of one's own. */
const temperature = (of: number) =>
  positive.max(1000).default(of).describe("T, by which logits of teacher and student are divided");
const alpha = share.default(0.9).describe("share of the distillation term; 1 - alpha weighs the true labels");
const deviation = z
  .enum(["official", "principled"])
  .default("official")
  .describe("the sample deviation, as the authors' code has it, or the population's");
const softening = z
  .enum(["official", "principled"])
  .default("official")
  .describe(
    "softmax of the virtual teacher's probabilities / T against the student at T = 1, as the authors' code has it; or probabilities to the power 1/T against the student at T, times T^2",
  );
const confidence = z.number().gt(0).lt(1).default(0.99).describe("probability of the true class");
const delta = positive
  .optional()
  .describe(
    "from this error on, in standardised units, the loss with the true values is linear (Huber 1964); absent: squared everywhere",
  );
const margin = z
  .number()
  .nonnegative()
  .default(0)
  .describe("how much the student's squared error must be below the teachers' to be let go");
const smoothing = share.default(0).describe("share of the label that is spread over all classes");

export const LossSpec = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z
      .literal("kd")
      .describe("alpha T^2 KL(teacher, student) + (1 - alpha) cross-entropy (Hinton, Vinyals, Dean 2015)"),
    temperature: temperature(4),
    alpha,
  }),
  z.strictObject({
    kind: z
      .literal("reverse-kl")
      .describe("as kd with KL(student, teacher), which seeks modes (MiniLLM, Gu et al. 2024)"),
    temperature: temperature(1),
    alpha,
  }),
  z.strictObject({
    kind: z
      .literal("jsd")
      .describe("as kd with the generalised Jensen-Shannon divergence (GKD, Agarwal et al. 2024)"),
    temperature: temperature(1),
    beta: share.default(0.5).describe("share of the teacher in the mixture; 0 is kd, 1 reverse-kl"),
    alpha,
  }),
  z.strictObject({
    kind: z
      .literal("logit-mse")
      .describe("as kd with the mean squared difference of logits (Ba, Caruana 2014)"),
    centred: z.boolean().default(true).describe("take each row's mean off first"),
    alpha,
  }),
  z.strictObject({
    kind: z
      .literal("dkd")
      .describe("decoupled KD: alpha TCKD + beta NCKD, times T^2, and cross-entropy (Zhao et al. 2022)"),
    temperature: temperature(4),
    alpha: z.number().nonnegative().default(1).describe("weight of the true class against the others"),
    beta: z.number().nonnegative().default(8).describe("weight of the other classes among themselves"),
    warmupEpochs: epochs.default(20).describe("epochs over which the distillation term rises from 0"),
  }),
  z.strictObject({
    kind: z
      .literal("dist")
      .describe("correlations within samples and within classes, and cross-entropy (Huang et al. 2022)"),
    temperature: temperature(1),
    beta: z.number().nonnegative().default(1).describe("weight of the correlation over classes"),
    gamma: z.number().nonnegative().default(1).describe("weight of the correlation over the batch"),
  }),
  z.strictObject({
    kind: z
      .literal("standardised")
      .describe("kd on logits with mean 0 and deviation 1 in each row (Sun et al. 2024)"),
    temperature: temperature(2),
    weight: positive.default(9).describe("of the distillation term"),
    crossEntropy: z.number().nonnegative().default(0.1).describe("weight of the true labels"),
    deviation,
  }),
  z.strictObject({
    kind: z.literal("teacher-labels").describe("cross-entropy with the teachers' first choice"),
    alpha,
  }),
  z.strictObject({
    kind: z
      .literal("label-smoothing")
      .describe("a control without teachers: cross-entropy with smoothed labels (Szegedy et al. 2016)"),
    smoothing: share.default(0.1).describe("share of the label that is spread over all classes"),
  }),
  z.strictObject({
    kind: z
      .literal("tf-kd")
      .describe(
        "a control without teachers: a virtual one that is right with `confidence` (Yuan et al. 2020)",
      ),
    temperature: temperature(20),
    confidence,
    softening,
    alpha: share.default(0.1).describe("share of the virtual teacher's term"),
  }),
  ...SelfLosses,
  z.strictObject({
    kind: z
      .literal("value-mse")
      .describe(
        "regression: alpha times the squared difference from the teachers' values, the rest with the true ones",
      ),
    alpha,
    delta,
  }),
  z.strictObject({
    kind: z
      .literal("teacher-bounded")
      .describe(
        "regression: the true values, and `weight` times the squared error where it is above the teachers' (Chen et al. 2017)",
      ),
    margin,
    weight: positive.default(0.5).describe("of the bounded term"),
    delta,
  }),
]);

const common = ofAllTerms();
const ofTeachers = {
  ...common,
  teacher: z
    .string()
    .optional()
    .describe("name of the teacher that this term listens to; absent: all, combined by `ensemble`"),
};
const tempered = (of: number) => ({
  ...ofTeachers,
  temperature: temperature(of),
  cooling: z
    .strictObject({
      to: positive.max(1000).describe("the temperature at the end"),
      epochs: z.int().positive().describe("epochs over which it changes linearly, from the first"),
    })
    .optional()
    .describe("how the temperature changes; absent: it stays"),
});

export const TermSpec = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("cross-entropy").describe("with the true labels"), ...common, smoothing }),
  z.strictObject({ kind: z.literal("kl").describe("T^2 KL(teacher, student)"), ...tempered(4) }),
  z.strictObject({ kind: z.literal("reverse-kl").describe("T^2 KL(student, teacher)"), ...tempered(1) }),
  z.strictObject({
    kind: z.literal("jsd").describe("T^2 times the generalised Jensen-Shannon divergence"),
    ...tempered(1),
    beta: share.default(0.5).describe("share of the teacher in the mixture"),
  }),
  z.strictObject({
    kind: z.literal("logit-mse").describe("mean squared difference of logits"),
    ...ofTeachers,
    centred: z.boolean().default(true).describe("take each row's mean off first"),
  }),
  z.strictObject({
    kind: z.literal("dkd").describe("T^2 (alpha TCKD + beta NCKD), on labelled samples"),
    ...tempered(4),
    alpha: z.number().nonnegative().default(1).describe("weight of the true class against the others"),
    beta: z.number().nonnegative().default(8).describe("weight of the other classes among themselves"),
  }),
  z.strictObject({
    kind: z.literal("dist").describe("T^2 times what correlations lack of 1"),
    ...tempered(1),
    beta: z.number().nonnegative().default(1).describe("weight of the correlation over classes"),
    gamma: z.number().nonnegative().default(1).describe("weight of the correlation over the batch"),
  }),
  z.strictObject({
    kind: z.literal("standardised-kl").describe("T^2 KL of logits with mean 0 and deviation 1 in each row"),
    ...ofTeachers,
    temperature: temperature(2),
    deviation,
  }),
  z.strictObject({
    kind: z.literal("teacher-labels").describe("cross-entropy with the teachers' first choice"),
    ...ofTeachers,
  }),
  z.strictObject({
    kind: z
      .literal("confidence-weighted")
      .describe(
        "cross-entropy with the true labels, each sample weighted by how sure the teachers are of theirs (CWTM, Furlanello et al. 2018)",
      ),
    ...ofTeachers,
  }),
  z.strictObject({
    kind: z
      .literal("virtual-teacher")
      .describe("KL with a teacher made of the true label, on labelled samples"),
    ...common,
    temperature: temperature(20),
    confidence,
    softening,
  }),
  ...featureTerms,
  ...SelfTerms,
  z.strictObject({
    kind: z.literal("mse").describe("regression: mean squared error with the true values"),
    ...common,
  }),
  z.strictObject({
    kind: z
      .literal("huber")
      .describe("regression: half the squared error up to `delta`, linear from there on (Huber 1964)"),
    ...common,
    delta: positive.default(1).describe("in standardised units"),
  }),
  z.strictObject({
    kind: z.literal("value-mse").describe("regression: mean squared difference from the teachers' values"),
    ...ofTeachers,
  }),
  z.strictObject({
    kind: z
      .literal("teacher-bounded")
      .describe("regression: squared error of labelled samples where it is above the teachers'"),
    ...ofTeachers,
    margin,
  }),
]);

export const DistillSpec = z.strictObject({
  loss: LossSpec.optional().describe("what the student minimises, a loss by name; absent: see `terms`"),
  terms: z
    .array(TermSpec)
    .min(1)
    .optional()
    .describe("instead of `loss`: terms that are added up, each with a weight and a schedule of its own"),
});

export type LossSpec = z.infer<typeof LossSpec>;
export type TermSpec = z.infer<typeof TermSpec>;
export type TermKind = TermSpec["kind"];
/** A term whose value is a function of the student's step alone: what it learns from is not itself or its peers. */
export type PlainTermSpec = Exclude<TermSpec, SelfTermSpec>;
export type DistillSpec = z.infer<typeof DistillSpec>;
