import { z } from "zod";

const positive = z.number().positive();
const count = z.int().positive();

const QuorumSpec = z.strictObject({
  teachers: count.describe(
    "teachers that a target needs; of a chunk that fewer have labelled by the deadline, students use the true labels alone",
  ),
  deadlineS: positive
    .default(60)
    .describe(
      "seconds for which a teacher may give no label at all before chunks go on without it; one that goes on answering is waited for, however slow",
    ),
});

/** Rules for teachers that tell classes. */
export const classificationRules = [
  "arithmetic",
  "geometric",
  "entropy",
  "ca-mkd",
  "ae-kd",
  "vote",
  "rank",
  "random",
  "own-classes",
  "bridge",
] as const;

/** How several teachers become one target. */
export const EnsembleSpec = z.strictObject({
  rule: z
    .enum([...classificationRules, "median"])
    .default("arithmetic")
    .describe(
      "mean of probabilities; or of logits (normalised again); means of probabilities weighted in each sample by how sure a teacher is, or by how well it knows the true class; or so that the student's gradient is shortest; shares of first choices; Borda counts; one teacher drawn for each batch; for teachers that know a part of the classes (`teachers[].classes`): each compared with the student on its own, or all joined through the classes that they share; in regression the mean or the median of the values",
    ),
  weights: z
    .union([z.array(positive), z.enum(["accuracy", "log-odds", "inverse-mse"])])
    .optional()
    .describe(
      "one a teacher, in their order, normalised to sum 1; or by how often each is right on half of validation, in regression by one over its squared error there; absent: equal",
    ),
  calibrate: z
    .boolean()
    .default(false)
    .describe(
      "divide each teacher's logits by the temperature that fits half of validation best, before they are combined",
    ),
  quorum: z
    .union([z.literal("all"), QuorumSpec])
    .default("all")
    .describe(
      "whose labels a chunk needs before students use it: those of all teachers; or, after a deadline, of some",
    ),
});

export type EnsembleSpec = z.infer<typeof EnsembleSpec>;
export type Quorum = z.infer<typeof QuorumSpec>;
