import * as tf from "@tensorflow/tfjs";
import { firstChoices } from "../firstChoices.ts";
import type { EnsembleRule } from "./ensemble.ts";
import { softenedShares, weightedSum } from "./weightedShares.ts";

/**
 * The weighted share of teachers that choose each class first: all that there is of teachers which give decisions. A
 * temperature softens the shares as it softens probabilities.
 */
export const vote: EnsembleRule = (said, temper) =>
  tf.tidy(() => softenedShares(weightedSum(said, firstChoices), temper));
