import type { KernelRule } from "../kernelRule.ts";
import { binaryRules } from "./binary.ts";
import { convolutionRules } from "./convolutions.ts";
import { elementwiseRules } from "./elementwise.ts";
import { indexingRules } from "./indexing.ts";
import { matmulRules } from "./matmul.ts";
import { normalisationRules } from "./normalisation.ts";
import { paddingRules } from "./padding.ts";
import { pieceRules } from "./pieces.ts";
import { poolingRules } from "./pooling.ts";
import { positionRules } from "./positions.ts";
import { reductionRules } from "./reductions.ts";
import { scanRules } from "./scans.ts";
import { scatterRules } from "./scatter.ts";
import { shapeRules } from "./shapes.ts";

/** Every kernel of TensorFlow.js that can be compiled. */
export const kernelRules: readonly KernelRule[] = [
  ...elementwiseRules,
  ...binaryRules,
  ...reductionRules,
  ...matmulRules,
  ...normalisationRules,
  ...shapeRules,
  ...pieceRules,
  ...paddingRules,
  ...indexingRules,
  ...scatterRules,
  ...positionRules,
  ...scanRules,
  ...convolutionRules,
  ...poolingRules,
];

const byName = new Map(kernelRules.map((rule) => [rule.kernel, rule]));

export function ruleOf(kernel: string): KernelRule {
  const rule = byName.get(kernel);
  if (!rule) throw new RangeError(`There is no rule for the kernel ${kernel}`);
  return rule;
}
