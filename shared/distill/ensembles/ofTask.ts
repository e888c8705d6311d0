import type { EnsembleSpec } from "../../config/ensembleSpec.ts";
import type { multiLabelRules, regressionRules, Task } from "../../config/tasks.ts";
import { StillhouseError } from "../../errors.ts";
import { bernoulliArithmetic, bernoulliGeometric } from "./bernoulliMixture.ts";
import type { EnsembleRule } from "./ensemble.ts";
import { meanOfValues, medianOfValues } from "./ofValues.ts";
import { answeringRule, ensembleRules } from "./registry.ts";

const rulesOf: {
  readonly classification: typeof ensembleRules;
  readonly "multi-label": Readonly<Record<(typeof multiLabelRules)[number], EnsembleRule>>;
  readonly regression: Readonly<Record<(typeof regressionRules)[number], EnsembleRule>>;
} = {
  classification: ensembleRules,
  "multi-label": { arithmetic: bernoulliArithmetic, geometric: bernoulliGeometric },
  regression: { arithmetic: meanOfValues, median: medianOfValues },
};

/** A rule that its task does not have. */
export class RuleNotDefined extends StillhouseError {}

/**
 * How the teachers of a task are combined: log-probabilities in classification, log odds of each class in multi-label,
 * numbers in regression.
 * @throws RuleNotDefined, which a checked spec never gives
 */
export function ruleOf(task: Task, rule: EnsembleSpec["rule"]): EnsembleRule {
  const rules: Readonly<Partial<Record<EnsembleSpec["rule"], EnsembleRule>>> = rulesOf[task];
  const found = rules[rule];
  if (found) return found;
  throw new RuleNotDefined(
    `Cannot combine teachers by "${rule}" in ${task}: expected one of [${Object.keys(rules).join(", ")}]`,
    { fields: { task, rule } },
  );
}

/** The rule by which the ensemble is judged on its own. */
export function answeringRuleOf(rule: EnsembleSpec["rule"]): EnsembleSpec["rule"] {
  return rule === "median" ? rule : answeringRule(rule);
}
