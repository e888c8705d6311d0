import type { FeatureLayout } from "../protocol/features.ts";
import type { NumberEncoding, StoredEncoding } from "../protocol/storedEncoding.ts";
import { bytesPerRow } from "./encoding.ts";

/** What one teacher says of one sample: logits, then features in their order. */
export interface RowLayout {
  readonly encoding: StoredEncoding;
  readonly classes: number;
  readonly features: readonly FeatureLayout[];
}

export function sizeOfFeature({ shape }: Pick<FeatureLayout, "shape">): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Numbers of a row. */
export function rowWidth({ classes, features }: Pick<RowLayout, "classes" | "features">): number {
  return features.reduce((sum, feature) => sum + sizeOfFeature(feature), classes);
}

/**
 * How a feature is stored: in half precision, but products in full, as differences of them become distances.
 */
export function featureEncoding({ form }: Pick<FeatureLayout, "form">): NumberEncoding {
  return form === "gram" ? "float32" : "half";
}

/** Bytes of a feature in a row. */
export function featureBytes(feature: FeatureLayout): number {
  return bytesPerRow(featureEncoding(feature), sizeOfFeature(feature));
}

/** Bytes of features that follow on each other in a row. */
export function featuresBytes(features: readonly FeatureLayout[]): number {
  return features.reduce((sum, feature) => sum + featureBytes(feature), 0);
}

/** Bytes of a row. */
export function rowBytes({ encoding, classes, features }: RowLayout): number {
  return bytesPerRow(encoding, classes) + featuresBytes(features);
}
