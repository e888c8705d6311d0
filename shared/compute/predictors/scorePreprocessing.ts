import type { ModelMapping } from "../../config/modelFileSpec.ts";
import type { Dataset } from "../../data/dataset.ts";
import { gatherInputs, gatherLabels } from "../../data/gather.ts";
import type { TeacherModel } from "../../protocol/run.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import { scoreLogits } from "../scoreLogits.ts";
import { type LikelyMapping, likelyMappings, lookLikeProbabilities } from "./likelyMappings.ts";
import { loadTeacherModel } from "./teacherModel.ts";

/** Samples on which ways of preparing inputs are compared. */
const COMPARED = 500;
/** Two samples of these: less is no reason to change a spec. */
const BETTER_BY = 0.005;

export interface ScoredPreprocessing {
  /** Share of right answers on all samples, with the mapping as it is given. */
  readonly accuracy: number;
  readonly compared: number;
  /** The best first, on the compared samples. */
  readonly tried: readonly (LikelyMapping & { readonly accuracy: number })[];
  /** The first of them, where it is clearly better than what is given. */
  readonly better: LikelyMapping | undefined;
  /** What the outputs look like. */
  readonly output: ModelMapping["output"];
}

/**
 * How often a model is right with a mapping, and with ways of preparing inputs that published models are trained on.
 * @param ids samples with labels, at least one
 * @throws what opening the model throws
 */
export async function scorePreprocessing(
  format: TeacherModel["format"],
  bytes: Uint8Array,
  mapping: ModelMapping,
  dataset: Dataset,
  ids: Uint32Array,
  compute: ComputeSettings,
): Promise<ScoredPreprocessing> {
  const { inputShape } = dataset;
  const compared = ids.subarray(0, COMPARED);
  const predicted = async (given: ModelMapping, of: Uint32Array): Promise<Float32Array> => {
    const predictor = await loadTeacherModel({ format, mapping: given }, bytes, inputShape, compute);
    try {
      return await predictor.predict(gatherInputs(dataset, of), of.length);
    } finally {
      await predictor.close();
    }
  };
  const accuracyOf = (logits: Float32Array, of: Uint32Array): number =>
    scoreLogits(logits, gatherLabels(dataset, of), logits.length / of.length).accuracy;

  const logits = await predicted(mapping, ids);
  const asGiven = logits.subarray(0, compared.length * (logits.length / ids.length));
  const tried: (LikelyMapping & { accuracy: number })[] = [];
  for (const likely of likelyMappings(inputShape.at(-1) ?? 1)) {
    const seen = await predicted({ ...mapping, ...likely.preprocessing }, compared);
    tried.push({ ...likely, accuracy: accuracyOf(seen, compared) });
  }
  tried.sort((a, b) => b.accuracy - a.accuracy);
  const [first] = tried;
  // Of all its outputs, as those that `labels` chooses need not sum to 1.
  const { labels: _labels, ...whole } = mapping;
  const raw = await predicted({ ...whole, output: "logits" }, compared);
  return {
    accuracy: accuracyOf(logits, ids),
    compared: compared.length,
    tried,
    better: first && first.accuracy > accuracyOf(asGiven, compared) + BETTER_BY ? first : undefined,
    output: lookLikeProbabilities(raw, raw.length / compared.length) ? "probabilities" : "logits",
  };
}
