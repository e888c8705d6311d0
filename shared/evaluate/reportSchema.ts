import { z } from "zod";

/**
 * `report.json`: what a run leaves behind. Every object is strict, every key says what it means and its unit;
 * `docs/report.md` is generated from here. Accuracies, agreements and differences are shares (0.98, not 98).
 */
const share = z.number().min(0).max(1);
const count = z.int().nonnegative();
const nats = z.number().nonnegative();
const seconds = z.number().nonnegative();
const text = z.string();
const interval = z.tuple([z.number(), z.number()]);

const evaluated = {
  accuracy: share.describe("share of right predictions"),
  nll: nats.describe("negative log-likelihood, nats a sample"),
  ece: share.describe("expected calibration error, 15 bins of equal width"),
};

/** Of what is judged by labels in the log, which the test split may lack with a quorum. */
const evaluatedByLabels = {
  accuracy: evaluated.accuracy
    .nullable()
    .describe("share of right predictions; null: it labelled no test sample"),
  nll: evaluated.nll.nullable().describe("negative log-likelihood, nats a sample; null as the accuracy"),
  testSamples: count.describe("test samples that these are over"),
  ece: evaluated.ece
    .nullable()
    .describe("expected calibration error, 15 bins of equal width; null as the accuracy"),
};

const perClassAccuracy = z
  .array(share.nullable())
  .describe("share of right predictions of each class; null for a class without test samples");

export const TestMetrics = z.strictObject({
  ...evaluated,
  brier: z.number().min(0).max(2).describe("Brier score, summed over classes, 0 (best) to 2"),
  agreementWithEnsemble: share
    .nullable()
    .describe("share of samples on which it chooses the ensemble's class; null: not measured"),
  agreementWhereEnsembleRight: share
    .nullable()
    .describe("the same where the ensemble is right; null: it never is, or not measured"),
  agreementWhereEnsembleWrong: share
    .nullable()
    .describe(
      "the same where the ensemble is wrong, its errors that were copied; null: it never is, or not measured",
    ),
  klToEnsemble: z
    .number()
    .nullable()
    .describe("KL divergence from the ensemble at temperature 1, nats a sample; null: not measured"),
  perClassAccuracy,
});

export const CurvePoint = z.strictObject({
  epoch: z.int().positive().describe("counted from 1"),
  trainLoss: z.number().describe("mean over the epoch of what was minimised"),
  validationLoss: z.number().describe("cross-entropy with the labels of the validation split, nats a sample"),
  validationAccuracy: share.describe("on the validation split"),
});

export const CorrectedBias = z.strictObject({
  class: count.describe("whose bias in the last layer was raised after the training"),
  added: z.number().nonnegative().describe("by how much, in logits; 0: nothing was gained"),
  validationAccuracy: share.describe("on the validation split, with this and those before it"),
});

/** How a student heard its peers. */
export const PeerUse = z.strictObject({
  steps: count.describe("steps in which peers were heard"),
  meanAge: z.number().nonnegative().describe("mean age of their weights in these, in steps"),
  maxAge: count.describe("the largest"),
});

/** A classifier after an inner layer, which is trained with a student. */
export const ExitAccuracy = z.strictObject({
  layer: text.describe("after which it is"),
  accuracy: share.describe("its share of right predictions"),
});

export const SeedResult = z.strictObject({
  ...TestMetrics.shape,
  weightsHash: text.describe("hash of the final weights"),
  keptEpoch: z.int().positive().describe("epoch whose weights are final, counted from 1"),
  seconds: seconds.describe("training time, of all attempts"),
  steps: count.describe("optimiser steps"),
  curve: z.array(CurvePoint).describe("one point an epoch"),
  waitSeconds: seconds.describe(
    "of these, spent waiting for labels and for peers' weights, in the last attempt",
  ),
  correctedBias: z
    .array(CorrectedBias)
    .optional()
    .describe("what `student.correctBias` found, class by class; absent: not asked for"),
  lineage: z
    .array(
      z.strictObject({
        node: text.describe("id of the student node"),
        fromStep: count.describe("step at which this attempt went on; 0: from the start"),
      }),
    )
    .min(1)
    .describe("the attempts that led to the weights; one entry: it was never interrupted"),
  exits: z
    .array(ExitAccuracy)
    .optional()
    .describe("its early exits, which are no part of the model; absent: it has none"),
  peers: PeerUse.optional().describe("how it heard the run's other students; absent: it did not"),
});

export const LabelQuality = z.strictObject({
  samples: count.describe("that were looked at: all of the split, or 65,536 evenly spaced ones"),
  known: count.describe("of these, samples whose true class is known"),
  trueClassProbability: share
    .nullable()
    .describe("mean probability of the true class at temperature 1; null: no class is known"),
  accuracy: share.nullable().describe("share of right predictions; null: no class is known"),
  entropy: nats.nullable().describe("mean entropy of the probabilities at temperature 1, nats a sample"),
});

/** How near a model's logits are to those of the model that it stands for. */
export const LogitAgreement = z.strictObject({
  samples: count.describe("of the validation split that both predicted"),
  sameAnswer: share.describe("share of samples with the same answer"),
  meanKl: z.number().describe("KL divergence of its probabilities from the other's, nats a sample"),
  largestDifference: z.number().nonnegative().describe("of a logit"),
});

export const Disagreement = z.strictObject({
  mean: nats.describe("mean over the validation split, nats a sample; 0: all say the same"),
  perClass: z.array(nats.nullable()).describe("of each true class; null for a class without samples"),
  overTime: z
    .array(
      z.strictObject({
        samples: count.describe(
          "of the block that were looked at, evenly spaced, and that two teachers labelled",
        ),
        mean: nats.nullable().describe("over these, nats a sample; null: there are none"),
      }),
    )
    .describe("of up to 20 equal blocks of the training split, in the order in which it was labelled"),
});

export const QuorumReport = z.strictObject({
  chunks: count.describe("that were closed by a decision"),
  belowAll: count.describe(
    "of these, closed after their deadline without some teacher: which ones, chance decided",
  ),
  belowQuorum: count.describe("of these, closed with fewer teachers than the quorum, so without targets"),
  missing: z
    .array(share)
    .describe("share of the training samples whose target lacks each teacher, in the spec's order"),
  labelsAlone: count.describe("training samples without a target that were learnt from their true label"),
  leftOut: count.describe("training samples with neither target nor label, which were left out"),
});

/** How a teacher's answers are stored, and how far what is read of them is from what it said. */
export const Storage = z.strictObject({
  encoding: text.describe("of its logits, as `half` or `top-k 16 at T 1, 4`"),
  bytesPerSample: count.describe("of one sample in the label log, features included, headers not"),
  samples: count.describe(
    "on which the loss is measured: its answers to the probe, which are kept as it gave them; 0: none are",
  ),
  read: z
    .array(
      z.strictObject({
        temperature: z.number().positive().describe("at which the run reads its labels"),
        declared: z
          .boolean()
          .describe(
            "the labels hold what is needed for it; else it was approximated by `undeclared: uniform`",
          ),
        kl: nats
          .nullable()
          .describe(
            "mean KL divergence of what is read from what it said there, KL(teacher, read), nats a sample; null: infinite, as classes that are not stored have no probability",
          ),
        reverseKl: nats.describe("the other way around, KL(read, teacher)"),
      }),
    )
    .describe(
      "temperatures at which the labels are read: 1, at which teachers are judged, and those of the loss, of one that cools its first, middle and last",
    ),
});

export const TeacherReport = z.strictObject({
  name: text.describe("as in the spec"),
  ...evaluatedByLabels,
  parameters: count.describe("numbers that it consists of; 0 for labels from elsewhere, as nobody knows"),
  bytes: count.describe("size of its weights, or of its file of labels"),
  identity: text.describe(
    "hash of weights, topology, input and output mapping; or of labels and their samples",
  ),
  labelling: text.describe("hash under which its labels lie in the label log"),
  source: z
    .enum(["trained", "reused", "loaded", "imported", "student"])
    .describe(
      "trained in this run, trained by an earlier one with the same recipe, loaded from a file, labels from elsewhere, or a student of an earlier run",
    ),
  trainSeconds: seconds.nullable().describe("training time; null where this run did not train it"),
  folds: z
    .int()
    .min(2)
    .nullable()
    .describe(
      "of a cross-fitted teacher: each sample was labelled by the one of so many that had not seen it",
    ),
  outputWasProbabilities: z
    .boolean()
    .describe("its output was probabilities, made logits by a floored log: information was lost"),
  quantised: LogitAgreement.nullable().describe(
    "of a teacher in whole numbers: how near it is to itself in floats (of a cross-fitted one, its first fold); null: it is in floats",
  ),
  storage: Storage.describe("how its answers are stored, and what that loses"),
  quality: z
    .strictObject({
      transfer: LabelQuality.describe("on the training split, which the students learn from"),
      validation: LabelQuality.describe("on the validation split"),
    })
    .describe(
      "of its labels; a teacher that is surer of its own training data than of other data teaches less",
    ),
  computers: z
    .array(
      z.strictObject({
        backend: text.describe("compute backend"),
        version: text.describe("its version"),
        threads: z.int().positive().describe("threads of one operator"),
        machine: text.describe("operating system, architecture and processor"),
        difference: z
          .number()
          .nonnegative()
          .describe("largest difference of a logit from the first's, on the probe"),
      }),
    )
    .describe(
      "what computed its labels: the first node's, which others agree with to the bit, then those that `numerics: tolerant` let in",
    ),
});

const overSeeds = {
  accuracy: share.describe("share of right predictions, mean over seeds"),
  deviation: z.number().nonnegative().nullable().describe("sample deviation over seeds; null for one seed"),
  nll: nats.describe("negative log-likelihood, nats a sample, mean over seeds"),
  ece: share.describe("expected calibration error, 15 bins, mean over seeds"),
  brier: z.number().min(0).max(2).describe("Brier score, mean over seeds"),
};

export const Latency = z.strictObject({
  backend: text.describe("what the student ran on"),
  batch1: z
    .strictObject({
      p50: z.number().nonnegative().describe("median, ms"),
      p99: z.number().nonnegative().describe("99th percentile, ms"),
    })
    .describe("of one sample alone, after a warm-up"),
  perSampleAtBatch: z
    .strictObject({
      batch: z.int().positive().describe("samples predicted at once"),
      ms: z.number().nonnegative().describe("median time of the batch, divided by its samples, ms"),
    })
    .describe("of one sample among many, after a warm-up"),
});

const mcnemar = z.strictObject({
  n10: count.describe("test samples that the student gets right and the student alone wrong"),
  n01: count.describe("the reverse"),
  chi2: z.number().nonnegative().describe("with continuity correction, one degree of freedom"),
  exact: share.describe("two-sided p of the binomial test"),
  midP: share.describe("mid-p, less conservative"),
});

/** What one of a run's students reached, and whether its teachers helped it. */
const ofStudent = {
  baseline: z
    .strictObject(overSeeds)
    .nullable()
    .describe(
      "the student alone: same initial weights, batches and epochs, without teachers; null: not trained",
    ),
  student: z
    .strictObject({
      ...overSeeds,
      weightsHash: text.describe("hash of the final weights of the first seed"),
      parameters: count.describe("trainable numbers"),
      bytes: count.describe("size of its weights"),
      latencyMs: Latency.nullable().describe("time of a prediction; null: not measured"),
    })
    .describe("the student that learnt from the ensemble"),
  seeds: z
    .array(
      z.strictObject({
        seed: count.describe("from the spec"),
        student: SeedResult.describe("the student that learnt from the ensemble, on the test split"),
        baseline: SeedResult.nullable().describe("the student alone, on the test split; null: not trained"),
        mcnemar: mcnemar.nullable().describe("McNemar's test of the two; null: not compared"),
      }),
    )
    .min(1)
    .describe("each pair of trainings"),
  difference: z
    .strictObject({
      mean: z.number().describe("mean over seeds"),
      interval95: interval
        .nullable()
        .describe("its 95% interval over seeds, by Student's t; null for one seed"),
      perSeed: z.array(z.number()).describe("one a seed"),
    })
    .nullable()
    .describe("accuracy of the student less that of the student alone; null: nothing to compare with"),
  retention: z
    .number()
    .nonnegative()
    .nullable()
    .describe("student's accuracy / ensemble's; null where the ensemble is never right, or there is none"),
  gapRecovered: z
    .number()
    .nullable()
    .describe(
      "(student - alone) / (ensemble - alone); null where the ensemble is not better than alone, or there is none",
    ),
  verdict: z
    .enum(["helped", "harmed", "not shown"])
    .describe("helped or harmed only where the whole 95% interval of the difference lies on one side of 0"),
  verdictReason: text.describe("why, in a sentence"),
};

export const Report = z.strictObject({
  schemaVersion: z.literal(1).describe("version of this schema"),
  name: text.describe("of the run, from the spec"),
  run: text.describe("id of the run"),
  createdAt: z.iso.datetime().describe("when the report was made, ISO 8601 in UTC"),
  specHash: text.describe("hash of the parsed spec"),
  spec: z.unknown().describe("the parsed spec, with its defaults"),
  data: z
    .strictObject({
      name: text.describe("of the dataset"),
      hash: text.describe("over shards, labels and splits"),
      classes: z.int().positive().describe("number of classes"),
      samples: z
        .strictObject({
          train: count.describe("in the training split"),
          validation: count.describe("in the validation split, by which whatever is chosen is chosen"),
          test: count.describe("in the test split, read after the weights are final"),
        })
        .describe("samples of each split"),
    })
    .describe("what was learnt"),
  bus: z
    .strictObject({
      kind: z.enum(["nats", "memory"]).describe("a NATS server, or the memory of one process"),
      note: text.optional().describe("why it was that one"),
    })
    .describe("what carried messages and labels"),
  machine: z
    .strictObject({
      platform: text.describe("operating system"),
      arch: text.describe("processor architecture"),
      cpus: z.int().positive().describe("processor cores"),
      node: text.describe("version of Node.js"),
    })
    .describe("where the run was started"),
  backends: z.array(text).describe("compute backends that were used"),
  teachers: z.array(TeacherReport).describe("each teacher, on the test split, in the spec's order"),
  ensemble: z
    .strictObject({
      rule: text.describe("how the teachers were combined"),
      answersBy: text.describe(
        "the rule of these numbers: the same, or arithmetic for one that looks at labels, at the student or at a draw",
      ),
      weights: z
        .array(z.number().nonnegative())
        .describe("one a teacher, of sum 1; a rule that weighs each sample finds others"),
      temperatures: z
        .array(z.number().positive())
        .describe("what each teacher's logits are divided by before they are combined; 1: not calibrated"),
      ...evaluatedByLabels,
      quorum: QuorumReport.nullable().describe(
        "of a run with a quorum: what its decisions left out; else null",
      ),
      disagreement: Disagreement.nullable().describe(
        "Jensen-Shannon divergence of the teachers at temperature 1, over the classes that all know; null for a single one, and where these are fewer than two",
      ),
      bestTeacher: text.describe("name of the most accurate teacher"),
    })
    .nullable()
    .describe("the teachers together, at temperature 1, on the test split; null: there are none"),
  ...ofStudent,
  moreStudents: z
    .array(z.strictObject({ name: text.describe("as in the spec's `moreStudents`"), ...ofStudent }))
    .optional()
    .describe("the other students of the run, in the spec's order; absent: none"),
  testReads: count.describe("times that the test split was read: once, after all weights are final"),
  teacherPasses: z
    .strictObject({
      made: count.describe(
        "samples whose labels the log lacked when distilling began; of two runs that begin together both count them",
      ),
      saved: count.describe("samples whose labels were already in the log"),
    })
    .describe("one a sample and teacher"),
  teacherNodes: z
    .array(
      z.strictObject({
        node: text.describe("id of the teacher node"),
        samplesPredicted: count.describe(
          "samples that it predicted since it started, one a sample and teacher, for whatever run",
        ),
        chunks: count.describe("chunks that it labelled"),
      }),
    )
    .describe("who made the passes"),
  secondsByPhase: z
    .record(z.string(), seconds)
    .describe("seconds of each phase of the run; phases may overlap, so their sum may exceed the total"),
  totalSeconds: seconds.describe("from start to report, by the clock"),
  bytesPerSampleOnTheWire: z
    .number()
    .nonnegative()
    .describe("bytes of labels for one sample of one teacher, with their headers"),
  labelLog: z
    .strictObject({
      bytes: count.describe("size of the labels that this run uses"),
      messages: count.describe("messages that hold them"),
      readAgain: z
        .strictObject({
          bytes: count.describe("of them, each as often as it was read again"),
          messages: count.describe("messages that held them"),
        })
        .optional()
        .describe(
          "what students read again, as `student.labelStoreBytes` had no room for it; counted since a student node took the run up last; absent: nothing",
        ),
    })
    .describe("the label log"),
  warnings: z.array(text).describe("what a reader should know before trusting the numbers"),
});

export type Report = z.infer<typeof Report>;
export type SeedResult = z.infer<typeof SeedResult>;
export type TestMetrics = z.infer<typeof TestMetrics>;
export type LogitAgreement = z.infer<typeof LogitAgreement>;
export type QuorumReport = z.infer<typeof QuorumReport>;
export type Disagreement = z.infer<typeof Disagreement>;
export type LabelQuality = z.infer<typeof LabelQuality>;
export type TeacherReport = z.infer<typeof TeacherReport>;
export type CorrectedBias = z.infer<typeof CorrectedBias>;
export type ExitAccuracy = z.infer<typeof ExitAccuracy>;
export type PeerUse = z.infer<typeof PeerUse>;
export type CurvePoint = z.infer<typeof CurvePoint>;
export type Latency = z.infer<typeof Latency>;
