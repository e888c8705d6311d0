import { UnknownFeature } from "../shared/compute/predictors/features.ts";
import type { Predictor } from "../shared/compute/predictors/predictor.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import type { View } from "../shared/data/views/view.ts";
import { viewedRows } from "../shared/data/views/viewedRows.ts";
import { inWireForm } from "../shared/distill/features/forms.ts";
import { rowWidth, sizeOfFeature } from "../shared/labels/rowLayout.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";

/**
 * Logits of rows of a shard, each followed by the row's features as they cross the network.
 * @param name of the teacher, for errors
 * @param view in which it sees the rows; absent: as they are
 * @returns [rows.length, rowWidth]
 * @throws FeatureShape, UnknownFeature
 */
export async function predictRows(
  predictor: Predictor,
  features: readonly FeatureLayout[],
  name: string,
  dataset: Dataset,
  shard: number,
  rows: Uint32Array,
  view?: View,
): Promise<Float32Array> {
  const count = rows.length;
  const inputs = viewedRows(dataset, shard, rows, view);
  if (features.length === 0) return predictor.predict(inputs, count);
  if (!predictor.predictWithFeatures) {
    throw new UnknownFeature(
      `Cannot give the features [${features.map((one) => one.name).join(", ")}] of teacher "${name}": its model was opened without them`,
      { fields: { teacher: name } },
    );
  }
  const { classes } = predictor;
  const given = await predictor.predictWithFeatures(inputs, count);
  const width = rowWidth({ classes, features });
  const out = new Float32Array(count * width);
  const put = (values: Float32Array, size: number, at: number): void => {
    for (let row = 0; row < count; row++) {
      out.set(values.subarray(row * size, (row + 1) * size), row * width + at);
    }
  };
  put(given.logits, classes, 0);
  let at = classes;
  for (const layout of features) {
    const feature = given.features[layout.name];
    if (!feature) {
      throw new UnknownFeature(
        `Cannot give the feature "${layout.name}" of teacher "${name}": its model was opened with [${Object.keys(given.features).join(", ")}]`,
        { fields: { teacher: name, feature: layout.name } },
      );
    }
    const size = sizeOfFeature(layout);
    put(inWireForm(feature.values, count, feature.shape, layout, name), size, at);
    at += size;
  }
  return out;
}
