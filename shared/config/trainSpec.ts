import { z } from "zod";

/** How a model is trained: optimiser, schedule, epochs. */
const positive = z.number().positive();
const count = z.int().positive();
const probability = z.number().min(0).lt(1);

export const OptimizerSpec = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("sgd").describe("stochastic gradient descent, with momentum if it is above 0"),
    lr: positive.default(0.1).describe("learning rate"),
    momentum: probability.default(0).describe("share of the last update that is kept"),
    nesterov: z.boolean().default(false).describe("look ahead along the momentum (Nesterov)"),
    weightDecay: z.number().nonnegative().default(0).describe("L2 penalty, added to the gradient"),
  }),
  z.strictObject({
    kind: z.literal("adam").describe("Adam (Kingma, Ba 2015)"),
    lr: positive.default(1e-3).describe("learning rate"),
    beta1: probability.default(0.9).describe("decay of the first moment"),
    beta2: probability.default(0.999).describe("decay of the second moment"),
    epsilon: positive.default(1e-8).describe("added to the root of the second moment"),
  }),
  z.strictObject({
    kind: z.literal("adamw").describe("Adam with decoupled weight decay (Loshchilov, Hutter 2019)"),
    lr: positive.default(1e-3).describe("learning rate"),
    beta1: probability.default(0.9).describe("decay of the first moment"),
    beta2: probability.default(0.999).describe("decay of the second moment"),
    epsilon: positive.default(1e-8).describe("added to the root of the second moment"),
    weightDecay: z
      .number()
      .nonnegative()
      .default(0.01)
      .describe("share of each weight that is taken away, times the learning rate"),
  }),
]);

export const ScheduleSpec = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("constant").describe("the learning rate stays"),
    warmupSteps: z.int().nonnegative().default(0).describe("steps over which it rises linearly from 0"),
  }),
  z.strictObject({
    kind: z
      .literal("cosine")
      .describe("half a cosine from the learning rate to `floor` over the whole training"),
    warmupSteps: z.int().nonnegative().default(0).describe("steps over which it rises linearly from 0"),
    floor: z.number().min(0).max(1).default(0).describe("the end, as a share of the learning rate"),
  }),
  z.strictObject({
    kind: z.literal("step").describe("multiplied by `factor` at the start of each epoch of `epochs`"),
    epochs: z.array(count).min(1).describe("epochs, counted from 0, at whose start the rate drops"),
    factor: z.number().positive().lt(1).default(0.1).describe("what the rate is multiplied by"),
    warmupSteps: z.int().nonnegative().default(0).describe("steps over which it rises linearly from 0"),
  }),
]);

export const TrainSpec = z.strictObject({
  epochs: count.describe("passes over the training split"),
  batch: count.default(128).describe("samples a step; the last partial batch is trained at its true size"),
  dropRemainder: z.boolean().default(false).describe("leave the last partial batch of an epoch out"),
  lengthBuckets: z
    .array(count)
    .min(1)
    .optional()
    .describe(
      "for token ids: the samples of a step are filled up to the smallest of these lengths that holds them all; absent: to the data's",
    ),
  optimizer: OptimizerSpec.default({
    kind: "adam",
    lr: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
  }).describe("how gradients change the weights"),
  schedule: ScheduleSpec.default({ kind: "constant", warmupSteps: 0 }).describe(
    "how the learning rate changes over the steps",
  ),
  clipNorm: positive.optional().describe("largest L2 norm of all gradients together; absent: no clipping"),
  maxNorm: positive
    .optional()
    .describe(
      "largest L2 norm of the incoming weights of a unit (a column of a dense kernel, a filter of a convolution), to which they are scaled after each update; absent: no bound",
    ),
  keep: z
    .enum(["last", "best"])
    .default("last")
    .describe("which weights are final: of the last epoch, or of the epoch best on validation"),
});

export const AugmentSpec = z.strictObject({
  shift: z
    .int()
    .min(1)
    .describe(
      "images are moved by a whole number of pixels, up to this many each way on both axes, drawn for each sample and epoch; zeros come in",
    ),
});

export const TeacherTrainSpec = z.strictObject({
  ...TrainSpec.shape,
  augment: AugmentSpec.optional().describe("how samples are changed in its training; absent: not at all"),
  seed: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "of this teacher's initial weights, order and masks; part of its recipe, so runs that differ in other seeds share it",
    ),
});

export type TrainSpec = z.infer<typeof TrainSpec>;
export type AugmentSpec = z.infer<typeof AugmentSpec>;
export type TeacherTrainSpec = z.infer<typeof TeacherTrainSpec>;
export type OptimizerSpec = z.infer<typeof OptimizerSpec>;
export type ScheduleSpec = z.infer<typeof ScheduleSpec>;
