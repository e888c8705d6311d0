import { z } from "zod";
import { ArchSpec } from "./archSpec.ts";
import { EncodingSpec } from "./encodingSpec.ts";
import { LabelSourceSpec } from "./labelFileSpec.ts";
import { Features, ModelFileSpec, Quantise } from "./modelFileSpec.ts";
import { runName as name } from "./runName.ts";
import { TeacherTrainSpec } from "./trainSpec.ts";

const ownClasses = z
  .array(z.int().nonnegative())
  .min(2)
  .optional()
  .describe(
    "class numbers of the data that it knows, one for each of its outputs; of others it says nothing, and is not judged by them; absent: all",
  );

const encoding = EncodingSpec.optional().describe(
  "how its answers are stored; absent: as `labels.encoding` says",
);

export const TrainedTeacherSpec = z.strictObject({
  name: name.describe("of the teacher, unique in the spec"),
  model: ArchSpec.describe("its architecture"),
  train: TeacherTrainSpec.describe("how it is trained in the run"),
  classes: ownClasses,
  crossFit: z
    .int()
    .min(2)
    .max(20)
    .optional()
    .describe(
      "folds: it is trained that many times, each time without one fold of the data, and each sample is labelled by the one that has not seen it; absent: trained once, on all",
    ),
  atLeast: z
    .strictObject({
      validationAccuracy: z
        .number()
        .gt(0)
        .max(1)
        .describe("of the weights that training kept; with crossFit of each fold's"),
    })
    .optional()
    .describe(
      "what it must reach to teach: below it the run fails before anything is distilled; absent: none",
    ),
  features: Features,
  quantise: Quantise,
  encoding,
});
export const LoadedTeacherSpec = z.strictObject({
  name: name.describe("of the teacher, unique in the spec"),
  model: ModelFileSpec.describe("where it is loaded from"),
  classes: ownClasses,
  encoding,
});
export const ImportedTeacherSpec = z.strictObject({
  name: name.describe("of the teacher, unique in the spec"),
  labels: LabelSourceSpec.describe(
    "labels that were made elsewhere: such a teacher has no model and no node",
  ),
  encoding,
});
export const StudentTeacherSpec = z.strictObject({
  name: name.describe("of the teacher, unique in the spec"),
  student: z
    .strictObject({
      run: z
        .string()
        .regex(/^[a-z0-9][a-z0-9-]{0,80}$/, "expected the id of a run, as `stillhouse status` shows it")
        .describe("id of that run, whose results are in the same store"),
      name: name
        .optional()
        .describe("of one of its `moreStudents`, whose student it is; absent: its `student`"),
      seed: z.int().nonnegative().describe("which of its students"),
      baseline: z.boolean().default(false).describe("the student alone of that seed instead"),
    })
    .describe("a student of an earlier run, which teaches the next generation; no file is needed"),
  features: Features,
  quantise: Quantise,
  encoding,
});
/** Where a teacher comes from. */
export const TeacherSpec = z.union([
  TrainedTeacherSpec,
  LoadedTeacherSpec,
  ImportedTeacherSpec,
  StudentTeacherSpec,
]);

export type TeacherSpec = z.infer<typeof TeacherSpec>;
export type TrainedTeacherSpec = z.infer<typeof TrainedTeacherSpec>;
export type LoadedTeacherSpec = z.infer<typeof LoadedTeacherSpec>;
export type StudentTeacherSpec = z.infer<typeof StudentTeacherSpec>;
export type ImportedTeacherSpec = z.infer<typeof ImportedTeacherSpec>;
