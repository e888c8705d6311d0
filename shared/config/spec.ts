import { z } from "zod";
import { ArchSpec } from "./archSpec.ts";
import { DataSpec } from "./dataSpec.ts";
import { DistillSpec } from "./distillSpec.ts";
import { EncodingSpec } from "./encodingSpec.ts";
import { EnsembleSpec } from "./ensembleSpec.ts";
import { runName as name } from "./runName.ts";
import { TeacherSpec } from "./teacherSpec.ts";
import { TrainSpec } from "./trainSpec.ts";
import { ViewsSpec } from "./viewsSpec.ts";

/**
 * The spec of a run: what a user writes in YAML. Every object is strict (an unknown key is an error) and every key
 * carries its meaning, unit and default in `.describe` and `.default`; `docs/spec.md` is generated from here.
 * Checks that involve two keys are in `crossChecks.ts`.
 */
const count = z.int().positive();

export const LabelsSpec = z.strictObject({
  encoding: EncodingSpec.default("half").describe(
    "how teachers' answers are stored in the label log; each teacher may have its own",
  ),
  chunkSize: z.int().min(1).max(65536).default(512).describe("samples a chunk, the unit of labelling"),
  maxInFlight: count.default(256).describe("chunks of this run that may be queued or in work at once"),
  maxLogBytes: count
    .default(8 * 2 ** 30)
    .describe("the run is refused when its labels would take more bytes than this"),
});

export const StudentSpec = z.strictObject({
  model: ArchSpec.describe("its architecture"),
  train: TrainSpec.describe("how it is trained, with and without teachers"),
  shuffleChunks: count.default(8).describe("chunks in the window within which the first epoch is shuffled"),
  shuffle: z
    .enum(["all", "windows"])
    .default("all")
    .describe(
      "later epochs over all training samples; or inside windows of `shuffleChunks` chunks too, whose order is drawn anew: relations between samples of one chunk then cross the network as products where that is smaller",
    ),
  labelCacheBytes: count
    .default(256 * 2 ** 20)
    .describe("memory for labels already read; what does not fit is read again from the local file"),
  labelStoreBytes: count
    .default(16 * 2 ** 30)
    .describe(
      "disk of a student node for labels already read; what does not fit is read again from the log, as `stillhouse plan` says",
    ),
  maxTermBytes: count
    .default(2 * 2 ** 30)
    .describe(
      "the run is refused when terms that look inside teachers and student would take more memory than this at once in one training; `stillhouse plan` shows them",
    ),
  correctBias: z
    .array(z.int().nonnegative())
    .min(1)
    .optional()
    .describe(
      "classes whose bias in the last layer is raised after the training, one after the other, by what gives the best validation accuracy; the report says by how much; absent: none",
    ),
  checkpointSteps: count.default(250).describe("steps between checkpoints"),
});

const seeds = z.array(z.int().nonnegative()).min(1);

/** What it does not say is as in `student`, `distill` and `seeds`. */
export const MoreStudentSpec = z.strictObject({
  name: name.describe("of this student, in the report and for `stillhouse export`"),
  model: ArchSpec.optional().describe("its architecture; absent: as `student.model`"),
  train: TrainSpec.optional().describe(
    "how it is trained, with and without teachers; absent: as `student.train`",
  ),
  correctBias: StudentSpec.shape.correctBias.describe(
    "as `student.correctBias`, and as it stands there if absent",
  ),
  distill: DistillSpec.optional().describe("how it learns from the target; absent: as `distill`"),
  seeds: seeds.optional().describe("one training for each; absent: as `seeds`"),
});

export const NodesSpec = z.strictObject({
  teachers: count.default(2).describe("teacher nodes that `stillhouse run` starts on this machine"),
  studentWorkers: count
    .default(2)
    .describe("trainings that the student node of `stillhouse run` does at once"),
});

const threads = count
  .optional()
  .describe(
    "threads of one operator; absent: its share of the cores in `stillhouse run`, else 1. A run keeps the number, as the last bits of weights can depend on it",
  );

export const ComputeSpec = z.strictObject({
  threads: z
    .strictObject({ teacher: threads, student: threads })
    .default({})
    .describe("of the compiled backend; other backends decide for themselves"),
  spinning: z
    .boolean()
    .default(false)
    .describe(
      "let idle threads wait in a loop: faster where each role has a machine for itself, slower elsewhere",
    ),
  update: z
    .enum(["in-place", "in-graph"])
    .default("in-place")
    .describe(
      "where the optimiser works: on the weights' own memory after the graph, or as a part of the graph, weights in and weights out",
    ),
  fallback: z
    .boolean()
    .default(false)
    .describe("compute without compiling where a model cannot be compiled, which is 10 to 40 times slower"),
});

export const RunSpec = z.strictObject({
  name: name.describe("name of the run; also the start of its id"),
  seed: z
    .int()
    .nonnegative()
    .default(0)
    .describe("of the run: order of samples and masks of all its students"),
  seeds: seeds.default([1, 2, 3]).describe("one student, and one student alone, for each"),
  data: DataSpec.describe("what is learnt"),
  teachers: z
    .array(TeacherSpec)
    .default([])
    .describe(
      "trained in the run, loaded, labels from elsewhere, or students of an earlier run; none where the terms of `distill` need none, as a student's own",
    ),
  ensemble: EnsembleSpec.default({ rule: "arithmetic", calibrate: false, quorum: "all" }).describe(
    "how the teachers' labels become one target",
  ),
  student: StudentSpec.describe("what is trained"),
  distill: DistillSpec.default({ loss: { kind: "kd", temperature: 4, alpha: 0.9 } }).describe(
    "how the student learns from the target",
  ),
  moreStudents: z
    .array(MoreStudentSpec)
    .min(1)
    .optional()
    .describe(
      "others that are trained in the same run from the same labels: of another architecture, with another loss, or both; a student alone is trained for each that differs by more than its loss; absent: none",
    ),
  views: ViewsSpec.optional().describe(
    "changed samples, of which each epoch sees one, labelled as the student sees it; absent: the samples themselves",
  ),
  numerics: z
    .enum(["strict", "tolerant"])
    .default("strict")
    .describe(
      "which nodes may serve a teacher: those whose answers to a probe are the bits of the first, or also those within 1% of its largest logit; the report lists them",
    ),
  baseline: z.boolean().default(true).describe("train the same student without teachers too, and compare"),
  labels: LabelsSpec.default({
    encoding: "half",
    chunkSize: 512,
    maxInFlight: 256,
    maxLogBytes: 8 * 2 ** 30,
  }).describe("the label log"),
  compute: ComputeSpec.default({
    threads: {},
    spinning: false,
    update: "in-place",
    fallback: false,
  }).describe("how roles compute"),
  nodes: NodesSpec.default({ teachers: 2, studentWorkers: 2 }).describe(
    "processes that `stillhouse run` starts",
  ),
});

export type RunSpec = z.infer<typeof RunSpec>;
export type ComputeSpec = z.infer<typeof ComputeSpec>;
export type MoreStudentSpec = z.infer<typeof MoreStudentSpec>;
export type StudentSpec = z.infer<typeof StudentSpec>;
