import { type EnsembleRule, normaliseWeights } from "./ensemble.ts";
import { mixture } from "./mixture.ts";

/** Mean of the teachers' probabilities. */
export const arithmetic: EnsembleRule = ({ logits, weights }, temper) =>
  mixture(logits, normaliseWeights(weights, logits.length), temper);
