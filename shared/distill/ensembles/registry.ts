import { arithmetic } from "./arithmetic.ts";
import { bridge } from "./bridge.ts";
import { confidence } from "./confidence.ts";
import type { EnsembleRule } from "./ensemble.ts";
import { entropy } from "./entropy.ts";
import { geometric } from "./geometric.ts";
import { minNorm } from "./minNorm.ts";
import { random } from "./random.ts";
import { rank } from "./rank.ts";
import { vote } from "./vote.ts";

/** Every way of combining teachers that a spec can name. */
export const ensembleRules = {
  arithmetic,
  geometric,
  entropy,
  "ca-mkd": confidence,
  "ae-kd": minNorm,
  vote,
  rank,
  random,
  // A term compares each teacher with the student on its own; together they answer as those that are joined.
  "own-classes": bridge,
  bridge,
} as const satisfies Record<string, EnsembleRule>;
export type EnsembleRuleName = keyof typeof ensembleRules;

/**
 * The rule by which the ensemble is judged on its own: those that look at true labels, at the student or at a draw answer
 * by the mean of the probabilities.
 */
export function answeringRule(rule: EnsembleRuleName): EnsembleRuleName {
  switch (rule) {
    case "ca-mkd":
    case "ae-kd":
    case "random":
      return "arithmetic";
    case "own-classes":
      return "bridge";
    case "arithmetic":
    case "geometric":
    case "entropy":
    case "vote":
    case "rank":
    case "bridge":
      return rule;
  }
}
