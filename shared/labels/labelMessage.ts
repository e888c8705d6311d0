import { encode } from "../protocol/codec.ts";
import { Labels } from "../protocol/labels.ts";
import { type ChunkKey, labelsSubject } from "../protocol/subjects.ts";
import { encodeRows } from "./rowCodec.ts";
import { rowDraws } from "./rowDraws.ts";
import type { RowLayout } from "./rowLayout.ts";
import { rowsDigest } from "./rowsDigest.ts";

/** A message of the label log, with the subject that it belongs to. */
export interface LabelMessage {
  readonly subject: string;
  readonly data: Uint8Array;
}

/**
 * What one teacher says of one part of a chunk, as it stands in the label log.
 * @param of.rows of the shard, in the part's order
 * @param of.values [rows.length, rowWidth]: logits, then features
 * @param of.node who says it
 * @param of.what for errors: which chunk and teacher
 * @throws UnusableLogits
 */
export function labelMessage(of: {
  key: ChunkKey;
  part: number;
  rows: Uint32Array;
  values: Float32Array;
  layout: RowLayout;
  node: string;
  what: string;
}): LabelMessage {
  const { key, part, rows, layout, node } = of;
  const { classes, encoding, features } = layout;
  const labels: Labels = {
    type: "labels",
    labelling: key.labelling,
    shard: key.shard,
    view: key.view,
    chunk: key.chunk,
    part,
    shape: [rows.length, classes],
    encoding,
    ...(features.length > 0 ? { features: [...features] } : {}),
    rowsDigest: rowsDigest(rows),
    node,
    payload: encodeRows(layout, of.values, of.what, rowDraws(key, rows)),
  };
  return { subject: labelsSubject(key, part), data: encode(Labels, labels) };
}
