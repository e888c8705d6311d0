import { z } from "zod";

/** Every architecture that is trained here. */
const count = z.int().positive();
const probability = z.number().min(0).lt(1);
const dropout = z.union([probability, z.array(probability)]);
const stride = z.int().min(1).max(2);

export const ArchSpec = z.discriminatedUnion("arch", [
  z.strictObject({
    arch: z.literal("mlp").describe("dense layers with ReLU"),
    hidden: z.array(count).describe("units of each hidden layer; an empty list is a linear classifier"),
    inputDropout: probability.default(0).describe("share of inputs dropped before the first layer"),
    dropout: dropout
      .default(0)
      .describe("share of units dropped after each hidden layer: one number, or one a layer"),
  }),
  z.strictObject({
    arch: z.literal("cnn").describe("3x3 convolutions with ReLU, a 2x2 max pool after each, one dense layer"),
    channels: z.array(count).min(1).describe("channels of each convolution"),
    dense: count.default(128).describe("units of the dense layer before the logits"),
    dropout: probability.default(0).describe("share of units dropped after the dense layer"),
  }),
  z.strictObject({
    arch: z
      .literal("separable")
      .describe(
        "a 3x3 convolution, then blocks of a depthwise 3x3 and a pointwise 1x1 convolution, each with batch normalisation and ReLU; the mean over the image (MobileNet)",
      ),
    stem: count.default(32).describe("channels of the first convolution"),
    stemStride: stride.default(2).describe("its stride; 2 halves height and width, rounded up"),
    blocks: z
      .array(
        z.strictObject({
          channels: count.describe("channels that the block gives"),
          stride: stride.default(1).describe("of its depthwise convolution"),
        }),
      )
      .min(1)
      .describe("the blocks, in order"),
    dropout: probability.default(0).describe("share of channels dropped before the logits"),
  }),
  z.strictObject({
    arch: z
      .literal("transformer")
      .describe(
        "an encoder of token ids, where 0 is padding: blocks of self-attention and feed-forward (GELU), normalised before each; the mean over the tokens",
      ),
    vocabulary: z.int().min(2).describe("number of token ids, padding included: ids are below it"),
    layers: count.default(2).describe("blocks"),
    width: count.default(128).describe("numbers a token"),
    heads: count.default(4).describe("heads of attention; the width is a multiple of it"),
    ff: count.optional().describe("units inside each feed-forward; absent: four times the width"),
    dropout: probability
      .default(0)
      .describe("share of numbers dropped after the embedding, each attention and each feed-forward"),
  }),
]);

export type ArchSpec = z.infer<typeof ArchSpec>;
