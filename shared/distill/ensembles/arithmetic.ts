import * as tf from "@tensorflow/tfjs";
import { type EnsembleRule, normaliseWeights } from "./ensemble.ts";
import { mixture } from "./mixture.ts";
import { presentShares } from "./present.ts";

/** Mean of the teachers' probabilities. */
export const arithmetic: EnsembleRule = ({ logits, weights, present }, temper) =>
  tf.tidy(() => {
    const shares = present ? presentShares(weights, present) : normaliseWeights(weights, logits.length);
    return mixture(logits, shares, temper, present);
  });
