import { z } from "zod";
import { epochs, ofAllTerms, positive, share } from "./termFields.ts";

/** Terms, and losses by name, of a student that learns from itself or from its peers. */
const temperature = positive.max(1000).default(1).describe("T, by which the logits of both are divided");
const psKdAlpha = share
  .default(0.8)
  .describe("share of what the student itself said, in the last epoch; it grows by as much in each");
const emaDecay = z
  .number()
  .min(0)
  .lt(1)
  .default(0.99)
  .describe("share of the average that a step leaves: min(1 - 1/(t + 1), this) after step t, counted from 0");
const distance = z
  .enum(["probability-mse", "kl"])
  .default("probability-mse")
  .describe("from the average: mean squared difference of probabilities, or T^2 KL(average, student)");
const final = z
  .enum(["average", "student"])
  .default("average")
  .describe("whose weights are validated, chosen and kept");
const exits = z
  .array(z.int().positive())
  .min(1)
  .optional()
  .describe(
    "blocks (of a cnn: convolutions with their pool) after which there is an exit, counted from 1; absent: after each of a cnn, and before each stride of 2 of a separable net, or else in its middle",
  );
const exchangeSteps = z
  .int()
  .positive()
  .default(50)
  .describe(
    "E, steps between weights that a student shows its peers, who use them from E to 2 E steps later",
  );
const hintWeight = z
  .number()
  .nonnegative()
  .optional()
  .describe(
    "weight of the squared distance of an exit's features from the deepest's; absent: 0.03 for a separable net, and 0 for a cnn, whose features no normalisation bounds",
  );

const meanTeacher = {
  distance,
  temperature,
  emaDecay,
  final,
};
const earlyExits = {
  exits,
  alpha: share.default(0.3).describe("share of the deepest's predictions; 1 - alpha weighs the true labels"),
  hint: hintWeight,
};

export const SelfTerms = [
  z.strictObject({
    kind: z
      .literal("ps-kd")
      .describe(
        "cross-entropy with (1 - a) label + a what the student said of that sample in the epoch before (Kim et al. 2021)",
      ),
    ...ofAllTerms(),
    alpha: psKdAlpha,
  }),
  z.strictObject({
    kind: z
      .literal("mean-teacher")
      .describe(
        "consistency with an average of the student's own weights, on all samples (Tarvainen, Valpola 2017)",
      ),
    ...ofAllTerms(),
    ...meanTeacher,
  }),
  z.strictObject({
    kind: z
      .literal("early-exits")
      .describe("classifiers after inner blocks, which learn from the deepest (BYOT, Zhang et al. 2019)"),
    ...ofAllTerms(),
    ...earlyExits,
  }),
  z.strictObject({
    kind: z
      .literal("peers")
      .describe(
        "mean of T^2 KL(peer, student) over the run's other students (deep mutual learning, Zhang et al. 2018), with weights exchanged now and then (codistillation, Anil et al. 2018)",
      ),
    ...ofAllTerms(),
    temperature,
    exchangeSteps,
  }),
] as const;

export const SelfLosses = [
  z.strictObject({
    kind: z.literal("ps-kd").describe("the term `ps-kd` alone, which holds the labels too"),
    alpha: psKdAlpha,
  }),
  z.strictObject({
    kind: z.literal("mean-teacher").describe("cross-entropy and the term `mean-teacher`"),
    weight: positive.default(1).describe("of the consistency"),
    warmupEpochs: epochs.default(0).describe("epochs over which that weight rises linearly from 0"),
    ...meanTeacher,
  }),
  z.strictObject({
    kind: z.literal("byot").describe("cross-entropy and the term `early-exits`"),
    ...earlyExits,
  }),
  z.strictObject({
    kind: z.literal("dml").describe("cross-entropy and the term `peers`: deep mutual learning of the seeds"),
    weight: positive.default(1).describe("of the peers"),
    temperature,
    exchangeSteps,
  }),
] as const;

export const selfTermKinds = ["ps-kd", "mean-teacher", "early-exits", "peers"] as const;
export type SelfTermKind = (typeof selfTermKinds)[number];
export type SelfTermSpec = z.infer<(typeof SelfTerms)[number]>;
export type SelfLossSpec = z.infer<(typeof SelfLosses)[number]>;
