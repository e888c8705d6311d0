import type { DataSpec } from "./dataSpec.ts";
import type { LossSpec, TermKind } from "./distillSpec.ts";
import { classificationRules, type EnsembleSpec } from "./ensembleSpec.ts";

/** What a model is asked: which one of the classes, which of them, or which numbers. */
export type Task = NonNullable<DataSpec["task"]>;

/** What a spec can ask for in a task. Whatever is in no list here is refused by name. */
interface Defined {
  readonly losses: readonly LossSpec["kind"][];
  readonly terms: readonly TermKind[];
  readonly rules: readonly EnsembleSpec["rule"][];
  /** Ways of finding the teachers' weights on validation. */
  readonly weights: readonly Extract<EnsembleSpec["weights"], string>[];
  readonly calibrate: boolean;
  /** What outputs of teachers from files, and labels from elsewhere, can be. */
  readonly outputs: readonly ("logits" | "probabilities" | "sigmoids" | "values")[];
  readonly quantise: boolean;
}

export const classificationTerms = [
  "cross-entropy",
  "kl",
  "reverse-kl",
  "jsd",
  "logit-mse",
  "dkd",
  "dist",
  "standardised-kl",
  "teacher-labels",
  "confidence-weighted",
  "virtual-teacher",
] as const satisfies readonly TermKind[];
export const multiLabelTerms = [
  "cross-entropy",
  "kl",
  "reverse-kl",
  "logit-mse",
] as const satisfies readonly TermKind[];
export const regressionTerms = [
  "mse",
  "huber",
  "value-mse",
  "teacher-bounded",
] as const satisfies readonly TermKind[];

/** Terms that compare insides of student and teachers, which are the same whatever the task. */
const featureTerms = [
  "fitnets",
  "attention-transfer",
  "vid",
  "nst",
  "rkd",
  "similarity-preserving",
  "crd",
] as const satisfies readonly TermKind[];

/** By which a student learns from its own answers or its peers'; they compare softmaxes. */
const selfLosses = ["ps-kd", "mean-teacher", "byot", "dml"] as const satisfies readonly LossSpec["kind"][];
const selfTerms = ["ps-kd", "mean-teacher", "early-exits", "peers"] as const satisfies readonly TermKind[];

export const multiLabelRules = ["arithmetic", "geometric"] as const;
export const regressionRules = ["arithmetic", "median"] as const;

export const definedFor: Readonly<Record<Task, Defined>> = {
  classification: {
    losses: [
      "kd",
      "reverse-kl",
      "jsd",
      "logit-mse",
      "dkd",
      "dist",
      "standardised",
      "teacher-labels",
      "label-smoothing",
      "tf-kd",
      ...selfLosses,
    ],
    terms: [...classificationTerms, ...featureTerms, ...selfTerms],
    rules: classificationRules,
    weights: ["accuracy", "log-odds"],
    calibrate: true,
    outputs: ["logits", "probabilities"],
    quantise: true,
  },
  "multi-label": {
    losses: ["kd", "reverse-kl", "logit-mse", "label-smoothing"],
    terms: [...multiLabelTerms, ...featureTerms],
    rules: multiLabelRules,
    weights: ["accuracy", "log-odds"],
    calibrate: true,
    outputs: ["logits", "sigmoids"],
    quantise: false,
  },
  regression: {
    losses: ["value-mse", "teacher-bounded"],
    terms: [...regressionTerms, ...featureTerms],
    rules: regressionRules,
    weights: ["inverse-mse"],
    calibrate: false,
    outputs: ["values"],
    quantise: false,
  },
};
