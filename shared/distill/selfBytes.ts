import type { SelfTermKind } from "../config/selfTermSpec.ts";
import type { RunSpec } from "../config/spec.ts";
import type { Dataset } from "../data/dataset.ts";
import { parameterCount } from "../model/parameterCount.ts";
import type { TermBytes } from "./features/peakBytes.ts";
import { selfTermsOf } from "./termsOf.ts";

const FLOAT = 4;
const HALF = 2;

export interface SelfBytes extends TermBytes {
  readonly name: string;
}

/**
 * What the terms by which a student learns from itself or its peers remember in each training. That of `ps-kd` and
 * `mean-teacher` is in every checkpoint too.
 */
export function selfBytes(
  { distill, student, seeds }: Pick<RunSpec, "distill" | "student" | "seeds">,
  { splits, inputShape, classes }: Pick<Dataset, "splits" | "inputShape" | "classes">,
): SelfBytes[] {
  const weights = FLOAT * (parameterCount(student.model, inputShape, classes) ?? 0);
  const remembered = (kind: SelfTermKind): Omit<SelfBytes, "step"> => {
    switch (kind) {
      case "ps-kd":
        // Beside each sample's probabilities a byte that says whether there are any.
        return { name: "ps-kd: answers by sample", memory: splits.train.length * (HALF * classes + 1) };
      case "mean-teacher":
        return { name: "mean-teacher: an average of the weights", memory: weights };
      case "peers":
        return { name: "peers: their weights", memory: weights * (seeds.length - 1) };
      case "early-exits":
        return { name: "early-exits", memory: 0 };
    }
  };
  return selfTermsOf(distill).map(({ kind }) => ({ step: 0, ...remembered(kind) }));
}
