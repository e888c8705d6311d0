import { z } from "zod";
import { probabilityFloor } from "./modelFileSpec.ts";

/** Labels that were made elsewhere, as a spec names them by their file. */
export const LabelFileSpec = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      "path of the NPZ file (`logits`, `probabilities`, `sigmoids` or `values` [samples, classes], and `ids`) or NPY file, relative to the spec file",
    ),
  output: z
    .enum(["logits", "probabilities", "sigmoids", "values"])
    .optional()
    .describe(
      "what the numbers are; probabilities become logits by a floored log; sigmoids, of multi-label, become log odds; values are the numbers of a regression, in the data's units; absent: what the array in the NPZ file is called",
    ),
  ids: z
    .string()
    .min(1)
    .optional()
    .describe(
      "path of an NPY file with the sample of each row (docs/labels.md); absent: the file's own `ids`, else all samples in the order of the data",
    ),
  probabilityFloor,
  columns: z
    .array(z.int().nonnegative())
    .min(2)
    .optional()
    .describe("for each class of the data, which column of the file stands for it; absent: the same order"),
});
export type LabelFileSpec = z.infer<typeof LabelFileSpec>;

/** Where the labels of a teacher without a model come from. */
export const LabelSourceSpec = z.union([
  LabelFileSpec,
  z.strictObject({
    identity: z
      .string()
      .regex(/^[0-9a-f]{32}$/, "expected 32 hexadecimal digits")
      .describe("of labels that `stillhouse labels import` has put into the label log"),
  }),
]);
export type LabelSourceSpec = z.infer<typeof LabelSourceSpec>;
