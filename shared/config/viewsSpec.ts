import { z } from "zod";

/** Views: deterministic changes of samples, which student and teachers see alike. */
const count = z.int().positive();
const probability = z.number().gt(0).max(1);

export const ViewStep = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z
      .literal("shift")
      .describe(
        "images are moved on both axes by whole numbers of pixels, all equally likely; zeros come in",
      ),
    pixels: count.describe("the most, each way on both axes; less than the image's sides"),
  }),
  z.strictObject({
    kind: z.literal("flip").describe("images are mirrored"),
    axis: z
      .enum(["horizontal", "vertical"])
      .default("horizontal")
      .describe("left and right change places, or top and bottom"),
    probability: probability.default(0.5).describe("with which a sample is mirrored"),
  }),
  z.strictObject({
    kind: z
      .literal("crop")
      .describe("a box of an image, of its aspect and anywhere in it, is enlarged to the whole (bilinear)"),
    area: z
      .number()
      .gt(0)
      .lt(1)
      .describe("the least share of the image's area that the box has; shares up to 1 are equally likely"),
  }),
  z.strictObject({
    kind: z
      .literal("cutout")
      .describe(
        "a square of an image becomes 0; its centre may be any pixel, and what is outside of the image is cut off (DeVries, Taylor 2017)",
      ),
    pixels: count.describe("the side of the square; at most the image's shorter side"),
  }),
  z.strictObject({
    kind: z
      .literal("mixup")
      .describe(
        "lambda times the sample and 1 - lambda times another of the training split, as it is in the data (Zhang et al. 2018); for students that learn from their teachers' answers alone; the student alone is trained without it",
      ),
    alpha: z
      .number()
      .positive()
      .max(100)
      .default(0.2)
      .describe("lambda is the larger of l and 1 - l, where l is drawn from Beta(alpha, alpha)"),
  }),
  z.strictObject({
    kind: z
      .literal("time-shift")
      .describe(
        "samples [time, ...] are moved along their first axis by a whole number of frames, all equally likely; zeros come in",
      ),
    frames: count.describe("the most, each way; less than the sample has"),
  }),
  z.strictObject({
    kind: z.literal("noise").describe("a normal draw is added to each number"),
    deviation: z.number().positive().describe("its standard deviation, in units of the model's input"),
  }),
  z.strictObject({
    kind: z.literal("gain").describe("a sample is multiplied by one number, 10 to the power decibels / 20"),
    decibels: z.number().positive().max(120).describe("the most, up or down; all between are equally likely"),
  }),
  z.strictObject({
    kind: z
      .literal("spec-augment")
      .describe(
        "bands and stretches of time of a spectrogram [time, bands] or [time, bands, 1] become 0 (Park et al. 2019)",
      ),
    bands: z.int().nonnegative().describe("the most bands of a mask; from 0 on all are equally likely"),
    bandMasks: z.int().nonnegative().default(1).describe("masks of bands"),
    frames: z.int().nonnegative().describe("the most frames of a mask; from 0 on all are equally likely"),
    frameMasks: z.int().nonnegative().default(1).describe("masks of frames"),
  }),
  z.strictObject({
    kind: z
      .literal("token-drop")
      .describe(
        "tokens leave, those behind them move up, and zeros fill the end; at least one of a sample stays",
      ),
    probability: z.number().gt(0).lt(1).describe("with which a token leaves"),
  }),
]);

export const ViewsSpec = z.strictObject({
  count: z
    .union([count, z.literal("fresh")])
    .describe(
      "how many there are, the sample itself among them: epoch e sees view e modulo this; or `fresh`: epoch e sees view e",
    ),
  seed: z.int().nonnegative().default(0).describe("of what is drawn; part of a view's hash"),
  window: count
    .optional()
    .describe(
      "of `fresh`: how many epochs labelling may be ahead of the last checkpoints, which is what the label log holds at once; absent: as few as `student.checkpointSteps` allows",
    ),
  teacher: z
    .enum(["same", "plain"])
    .default("same")
    .describe("what is labelled: the very view that the student sees, or always the sample itself"),
  recipe: z.array(ViewStep).min(1).describe("how a sample is changed, in this order"),
});

export type ViewStep = z.infer<typeof ViewStep>;
export type ViewKind = ViewStep["kind"];
export type ViewStepOf<K extends ViewKind> = Extract<ViewStep, { kind: K }>;
export type ViewsSpec = z.infer<typeof ViewsSpec>;
