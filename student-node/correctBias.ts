import type * as tf from "@tensorflow/tfjs";
import type { ComputeSettings } from "../shared/compute/computeSettings.ts";
import { predictLogits } from "../shared/compute/predictLogits.ts";
import { loadNativeModel } from "../shared/compute/predictors/nativeModel.ts";
import type { StudentSpec } from "../shared/config/spec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { StillhouseError } from "../shared/errors.ts";
import { bestBias } from "../shared/evaluate/bestBias.ts";
import type { CorrectedBias } from "../shared/evaluate/reportSchema.ts";
import { packTrained } from "../shared/model/packTrained.ts";
import { readWeights, writeWeights } from "../shared/model/weights.ts";

/** A class that the model does not have. */
export class UnknownClass extends StillhouseError {}

/** The bias of every architecture's last layer. */
const LAST_BIAS = "logits/bias";

/**
 * Raises the bias of the classes of `student.correctBias` in a trained model, one after the other, each by what gives
 * the best validation accuracy with those before it (Hinton, Vinyals, Dean 2015, section 3: a student that has seen no
 * sample of a class knows it, and thinks it too rare).
 * @returns what was found, class by class; undefined where the spec asks for none
 * @throws UnknownClass
 */
export async function correctBias(
  { correctBias: asked, model: arch }: Pick<StudentSpec, "correctBias" | "model">,
  model: tf.LayersModel,
  dataset: Dataset,
  compute: ComputeSettings,
): Promise<CorrectedBias[] | undefined> {
  if (asked === undefined) return undefined;
  const { classes, splits } = dataset;
  const unknown = asked.find((of) => of >= classes);
  if (unknown !== undefined) {
    throw new UnknownClass(
      `Cannot correct the bias of class ${unknown} as student.correctBias asks: "${dataset.name}" has ${classes} classes; expected classes from 0 to ${classes - 1}`,
      { fields: { class: unknown, classes } },
    );
  }
  const labels = gatherLabels(dataset, splits.validation);
  const predictor = await loadNativeModel(packTrained(model, arch, dataset).artifact, compute);
  const logits = await predictLogits(predictor, dataset, splits.validation).finally(() => predictor.close());
  const weights = readWeights(model);
  const bias = weights.find(({ name }) => name === LAST_BIAS)?.data as Float32Array;
  const found = asked.map((of): CorrectedBias => {
    const { added, accuracy } = bestBias(logits, labels, classes, of);
    for (let at = of; at < logits.length; at += classes) logits[at] = (logits[at] as number) + added;
    bias[of] = (bias[of] as number) + added;
    return { class: of, added, validationAccuracy: accuracy };
  });
  writeWeights(model, weights);
  return found;
}
