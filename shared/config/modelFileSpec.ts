import { z } from "zod";

const positive = z.number().positive();
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "expected lower-case letters, digits and dashes");
const perChannel = <T extends z.ZodType<number>>(of: T) => z.union([of, z.array(of).min(1)]);

const FeatureSpec = z.union([
  z.string().min(1),
  z.strictObject({
    of: z.string().min(1).describe("the model's own name of the tensor"),
    shape: z
      .array(z.int().positive())
      .min(1)
      .max(3)
      .optional()
      .describe(
        "of one sample, channels last, such as [7, 7, 64]; needed where a term learns from a feature of a model from elsewhere; `stillhouse inspect` shows it",
      ),
    layout: z
      .enum(["nhwc", "nchw"])
      .optional()
      .describe(
        "order of a map's axes in the model; absent: nchw for ONNX, whose convolutions have it, else nhwc",
      ),
    pool: z
      .union([z.literal("mean"), z.int().min(2)])
      .optional()
      .describe(
        "averages instead of a map: of each channel, or of squares of so many places; they are what crosses the network",
      ),
  }),
]);

/** Inner tensors of a teacher. They add to what it can tell and change none of its labels. */
export const Features = z
  .record(name, FeatureSpec)
  .optional()
  .describe(
    "inner tensors that the teacher can give beside its logits: a name of your own, and the model's (a tensor of ONNX, a layer, a node of a graph, an output of a SavedModel), which `stillhouse inspect` shows; or { of: the model's name, shape: [7, 7, 64], pool: 2 }, where `shape` is that of one sample, channels last, needed of models from elsewhere whose feature a term learns from, `layout` (nhwc or nchw) is the order in the model, nchw for ONNX unless said, and `pool` (a number of places, or mean) makes averages of a map before they cross the network",
  );

/** How a teacher is made faster. It changes labels: such a teacher is another one. */
export const Quantise = z
  .enum(["int8"])
  .optional()
  .describe(
    "int8: products with its matrices are computed in whole numbers of 8 bits, for ONNX models and what is compiled; absent: as the model has them",
  );

export const probabilityFloor = z
  .number()
  .positive()
  .max(0.01)
  .default(1e-7)
  .describe("smallest probability before the log");

/** What stands between the data and such a model. */
export const ModelMapping = z.strictObject({
  input: z
    .string()
    .min(1)
    .optional()
    .describe("name of the input that takes the samples; absent: the only one"),
  layout: z
    .enum(["nhwc", "nchw", "flat"])
    .optional()
    .describe("order of an image's axes in the model; absent: what the shape of its input says"),
  scale: positive
    .default(1)
    .describe(
      "each input value, which is in [0, 1] for images, is multiplied by this first: 255 gives bytes",
    ),
  mean: perChannel(z.number())
    .default(0)
    .describe("then this is taken off, one number or one for each channel"),
  deviation: perChannel(positive)
    .default(1)
    .describe("then it is divided by this, one number or one for each channel"),
  output: z
    .enum(["logits", "probabilities", "sigmoids", "values"])
    .describe(
      "what the model's output holds; probabilities become logits by a floored log; sigmoids, of multi-label, are probabilities of each class by itself, and become log odds; values are the numbers of a regression, in the data's units",
    ),
  outputName: z.string().min(1).optional().describe("name of that output; absent: the only one"),
  probabilityFloor,
  labels: z
    .array(z.int().nonnegative())
    .min(2)
    .optional()
    .describe(
      "for each class of the data, which of the model's outputs stands for it; absent: the same order",
    ),
  features: Features,
  quantise: Quantise,
});

/** A model that was made elsewhere, as a spec names it. */
export const ModelFileSpec = z.discriminatedUnion("format", [
  z.strictObject({
    format: z.literal("onnx").describe("an ONNX file, with its weights inside or in files beside it"),
    path: z.string().min(1).describe("path of the file, relative to the spec file"),
    ...ModelMapping.shape,
  }),
  z.strictObject({
    format: z
      .literal("tfjs-layers")
      .describe("a TensorFlow.js layers model: model.json beside its weight files"),
    path: z.string().min(1).describe("path of model.json, relative to the spec file"),
    ...ModelMapping.shape,
  }),
  z.strictObject({
    format: z
      .literal("tfjs-graph")
      .describe("a TensorFlow.js graph model: model.json beside its weight files"),
    path: z.string().min(1).describe("path of model.json, relative to the spec file"),
    ...ModelMapping.shape,
  }),
  z.strictObject({
    format: z
      .literal("saved-model")
      .describe("a TensorFlow SavedModel, for nodes with TensorFlow's own library (--backend tfjs-node)"),
    path: z.string().min(1).describe("path of its folder, relative to the spec file"),
    ...ModelMapping.shape,
  }),
]);

export type Features = z.infer<typeof Features>;

/** The model's own name of a feature. */
export function sourceOf(feature: NonNullable<Features>[string]): string {
  return typeof feature === "string" ? feature : feature.of;
}

export type ModelMapping = z.infer<typeof ModelMapping>;
export type ModelFileSpec = z.infer<typeof ModelFileSpec>;
