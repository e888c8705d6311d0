import { encodeWithPayload } from "../protocol/codec.ts";
import { Labels } from "../protocol/labels.ts";
import { type ChunkKey, labelsSubject } from "../protocol/subjects.ts";
import { encodeRows } from "./rowCodec.ts";
import { rowDraws } from "./rowDraws.ts";
import { type RowLayout, rowBytes } from "./rowLayout.ts";
import { rowsDigest } from "./rowsDigest.ts";
import { Scratch } from "./scratch.ts";

// Copied into the message at once.
const scratch = new Scratch();

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
  const labels: Omit<Labels, "payload"> = {
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
  };
  const draws = rowDraws(key, rows);
  const payload = encodeRows(layout, of.values, of.what, draws, scratch.of(rows.length * rowBytes(layout)));
  return { subject: labelsSubject(key, part), data: encodeWithPayload(Labels, labels, payload) };
}
