import type { Predictor } from "../shared/compute/predictors/predictor.ts";
import type { Dataset, Shard } from "../shared/data/dataset.ts";
import { foldOfRow } from "../shared/data/folds.ts";
import type { View } from "../shared/data/views/view.ts";
import { viewedRows } from "../shared/data/views/viewedRows.ts";

/**
 * Predicts each row by the predictor of its fold, which was trained without it.
 * @param predictors one a fold
 * @returns [rows.length, classes]
 */
export async function predictByFold(
  predictors: readonly Predictor[],
  dataset: Dataset,
  shard: number,
  rows: Uint32Array,
  view?: View,
): Promise<Float32Array> {
  const [{ classes }] = predictors as [Predictor, ...Predictor[]];
  const logits = new Float32Array(rows.length * classes);
  for (const [fold, predictor] of predictors.entries()) {
    const places = [...rows.keys()].filter(
      (place) => foldOfRow(dataset.shards[shard] as Shard, rows[place] as number, predictors.length) === fold,
    );
    if (places.length === 0) continue;
    const own = Uint32Array.from(places, (place) => rows[place] as number);
    const answers = await predictor.predict(viewedRows(dataset, shard, own, view), own.length); // [own, classes]
    for (const [i, place] of places.entries()) {
      logits.set(answers.subarray(i * classes, (i + 1) * classes), place * classes);
    }
  }
  return logits;
}
