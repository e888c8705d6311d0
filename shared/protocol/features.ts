import { z } from "zod";

/**
 * A feature as it stands in a row of labels. Its form is what crosses the network: `values`, the tensor itself;
 * `attention`, of a map the root of the mean of the squares over its channels; or `gram`, the products of a sample's
 * tensor with those of all samples of its chunk, in the chunk's order.
 */
export const FeatureLayout = z.strictObject({
  name: z.string(),
  /** The model's own name of the tensor. */
  of: z.string(),
  /** Of the tensor of one sample, channels last. */
  tensor: z.array(z.int().positive()).min(1).max(3),
  /** How the model has a map: channels last, or first, as ONNX has them. */
  order: z.enum(["nhwc", "nchw"]),
  form: z.enum(["values", "attention", "gram"]),
  /** Of a map, how many places become one in each direction before anything else; "mean": all of them. */
  pool: z.union([z.int().min(2), z.literal("mean")]).nullable(),
  /** Of what a row holds: of the tensor, [height, width], or one number for each row of a whole chunk. */
  shape: z.array(z.int().positive()).min(1).max(3),
});
export type FeatureLayout = z.infer<typeof FeatureLayout>;
