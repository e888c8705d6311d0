import type { LogEntry } from "../bus/bus.ts";
import { StillhouseError } from "../errors.ts";
import { decode } from "../protocol/codec.ts";
import type { FeatureLayout } from "../protocol/features.ts";
import { Labels } from "../protocol/labels.ts";
import { parseLabelsSubject } from "../protocol/subjects.ts";
import { encodingText } from "./encodingText.ts";
import type { ChunkLayout } from "./layout.ts";
import { firstUnusableOf } from "./rowCodec.ts";
import { type RowLayout, rowBytes } from "./rowLayout.ts";
import { partDigest } from "./rowsDigest.ts";

/** A message of the label log that does not say what its subject promises. Never trained on. */
export class WrongLabels extends StillhouseError {}

/**
 * A message of the label log, held against its subject and against what a run expects at that place.
 * @param layout of the chunk that the subject names
 * @param row what a row of this teacher's holds
 * @throws WrongLabels; MalformedMessage where it is none at all
 */
export function checkedLabels(
  entry: Pick<LogEntry, "subject" | "data">,
  layout: ChunkLayout,
  row: RowLayout,
): Labels {
  const where = `labels at ${entry.subject}`;
  const labels = decode(Labels, entry.data, where);
  const key = parseLabelsSubject(entry.subject);
  const range = layout.parts[key.part];
  if (!range) {
    throw new WrongLabels(
      `Cannot use ${where} as this chunk has ${layout.parts.length} parts: it is part ${key.part}`,
    );
  }
  const rows = range[1] - range[0];
  const expected = {
    labelling: key.labelling,
    shard: key.shard,
    view: key.view,
    chunk: key.chunk,
    part: key.part,
    encoding: encodingText(row.encoding),
    shape: `${rows},${row.classes}`,
    rowsDigest: partDigest(layout, key.part),
    features: featuresText(row.features),
    bytes: rows * rowBytes(row),
  };
  const seen = {
    ...labels,
    encoding: encodingText(labels.encoding),
    shape: labels.shape.join(","),
    features: featuresText(labels.features ?? []),
    bytes: labels.payload.byteLength,
  };
  for (const name of Object.keys(expected) as (keyof typeof expected)[]) {
    if (seen[name] === expected[name]) continue;
    throw new WrongLabels(
      `Cannot use ${where}, written by node ${labels.node}, as its ${name} must be ${expected[name]}: it is ${seen[name]}`,
      { fields: { name, expected: expected[name], seen: seen[name] } },
    );
  }
  const unusable = firstUnusableOf(row, labels.payload);
  if (unusable !== undefined) {
    throw new WrongLabels(`Cannot use ${where}, written by node ${labels.node}, as ${unusable}`);
  }
  return labels;
}

/** What is promised of them, whatever a run calls them. */
function featuresText(features: readonly FeatureLayout[]): string {
  const one = ({ of, form, shape }: FeatureLayout): string => `${of} ${form} [${shape.join(", ")}]`;
  return features.map(one).join("; ") || "none";
}
