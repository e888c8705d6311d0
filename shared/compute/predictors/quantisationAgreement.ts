import type { Dataset } from "../../data/dataset.ts";
import { logitAgreement } from "../../evaluate/logitAgreement.ts";
import type { LogitAgreement } from "../../evaluate/reportSchema.ts";
import type { TeacherModel } from "../../protocol/run.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import { predictLogits } from "../predictLogits.ts";
import type { Predictor } from "./predictor.ts";
import { loadTeacherModel } from "./teacherModel.ts";

/**
 * How near a quantised teacher is to what it is made from.
 * @param quantised it, opened
 * @param ids of the samples that both predict, at least one
 */
export async function quantisationAgreement(
  quantised: Predictor,
  { format, mapping }: Pick<TeacherModel, "format" | "mapping">,
  bytes: Uint8Array,
  dataset: Dataset,
  ids: Uint32Array,
  compute: ComputeSettings,
): Promise<LogitAgreement> {
  const { quantise: _quantise, features: _features, ...plain } = mapping;
  const model = await loadTeacherModel({ format, mapping: plain }, bytes, dataset.inputShape, compute);
  try {
    const reference = await predictLogits(model, dataset, ids);
    return logitAgreement(reference, await predictLogits(quantised, dataset, ids), dataset.classes);
  } finally {
    await model.close();
  }
}
