import type { z } from "zod";
import { type DistillSpec, type LossSpec, type PlainTermSpec, TermSpec } from "../config/distillSpec.ts";
import { type SelfTermSpec, selfTermKinds } from "../config/selfTermSpec.ts";
import type { RunSpec } from "../config/spec.ts";

/**
 * The terms of what a spec says that a student minimises, those of weight 0 left out. A loss by name stands for the
 * terms and weights of its paper.
 */
export function termsOf({ loss, terms }: DistillSpec): TermSpec[] {
  if (terms) return terms;
  return loss ? expand(loss) : [];
}

/** Those of all students of a run. */
export function termsOfAll({
  distill,
  moreStudents = [],
}: Pick<RunSpec, "distill" | "moreStudents">): TermSpec[] {
  return [distill, ...moreStudents.flatMap((one) => one.distill ?? [])].flatMap(termsOf);
}

/** Those of the terms by which a student learns from itself or from its peers. */
export function selfTermsOf(distill: DistillSpec): SelfTermSpec[] {
  return termsOf(distill).filter(isSelfTerm);
}

/** All others. */
export function plainTermsOf(distill: DistillSpec): PlainTermSpec[] {
  return termsOf(distill).filter((term) => !isSelfTerm(term));
}

function isSelfTerm(term: TermSpec): term is SelfTermSpec {
  return (selfTermKinds as readonly string[]).includes(term.kind);
}

/** As a user would write it: defaults may be missing. */
type Written = z.input<typeof TermSpec> & { weight: number };

function expand(loss: LossSpec): TermSpec[] {
  return written(loss)
    .filter(({ weight }) => weight > 0)
    .map((term) => TermSpec.parse(term));
}

function written(loss: LossSpec): Written[] {
  const labels = (weight: number, smoothing = 0): Written => ({ kind: "cross-entropy", weight, smoothing });
  const values = (weight: number, delta: number | undefined): Written =>
    delta === undefined ? { kind: "mse", weight } : { kind: "huber", weight, delta };
  switch (loss.kind) {
    case "kd": {
      const { temperature, alpha } = loss;
      return [{ kind: "kl", temperature, weight: alpha }, labels(1 - alpha)];
    }
    case "reverse-kl": {
      const { temperature, alpha } = loss;
      return [{ kind: "reverse-kl", temperature, weight: alpha }, labels(1 - alpha)];
    }
    case "jsd": {
      const { temperature, beta, alpha } = loss;
      return [{ kind: "jsd", temperature, beta, weight: alpha }, labels(1 - alpha)];
    }
    case "logit-mse": {
      const { centred, alpha } = loss;
      return [{ kind: "logit-mse", centred, weight: alpha }, labels(1 - alpha)];
    }
    case "dkd": {
      const { temperature, alpha, beta, warmupEpochs } = loss;
      return [{ kind: "dkd", temperature, alpha, beta, warmupEpochs, weight: 1 }, labels(1)];
    }
    case "dist": {
      const { temperature, beta, gamma } = loss;
      return [{ kind: "dist", temperature, beta, gamma, weight: 1 }, labels(1)];
    }
    case "standardised": {
      const { temperature, weight, crossEntropy, deviation } = loss;
      return [{ kind: "standardised-kl", temperature, deviation, weight }, labels(crossEntropy)];
    }
    case "teacher-labels":
      return [{ kind: "teacher-labels", weight: loss.alpha }, labels(1 - loss.alpha)];
    case "label-smoothing":
      return [labels(1, loss.smoothing)];
    case "tf-kd": {
      const { temperature, confidence, softening, alpha } = loss;
      return [
        { kind: "virtual-teacher", temperature, confidence, softening, weight: alpha },
        labels(1 - alpha),
      ];
    }
    case "ps-kd":
      return [{ ...loss, weight: 1 }];
    case "mean-teacher":
      return [labels(1), loss];
    case "byot":
      return [labels(1), { ...loss, kind: "early-exits", weight: 1 }];
    case "dml":
      return [labels(1), { ...loss, kind: "peers" }];
    case "value-mse":
      return [{ kind: "value-mse", weight: loss.alpha }, values(1 - loss.alpha, loss.delta)];
    case "teacher-bounded": {
      const { margin, weight, delta } = loss;
      return [{ kind: "teacher-bounded", margin, weight }, values(1, delta)];
    }
  }
}
