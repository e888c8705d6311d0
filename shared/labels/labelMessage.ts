import type { LabelEncoding } from "../config/spec.ts";
import { encode } from "../protocol/codec.ts";
import { Labels } from "../protocol/labels.ts";
import { type ChunkKey, labelsSubject } from "../protocol/subjects.ts";
import { encodeLogits } from "./encoding.ts";
import { rowsDigest } from "./rowsDigest.ts";

/** A message of the label log, with the subject that it belongs to. */
export interface LabelMessage {
  readonly subject: string;
  readonly data: Uint8Array;
}

/**
 * What one teacher says of one part of a chunk, as it stands in the label log.
 * @param of.rows of the shard, in the part's order
 * @param of.logits [rows.length, classes]
 * @param of.node who says it
 * @param of.what for errors: which chunk and teacher
 * @throws UnusableLogits
 */
export function labelMessage(of: {
  key: ChunkKey;
  part: number;
  rows: Uint32Array;
  logits: Float32Array;
  classes: number;
  encoding: LabelEncoding;
  node: string;
  what: string;
}): LabelMessage {
  const { key, part, rows, classes, encoding, node } = of;
  const labels: Labels = {
    type: "labels",
    labelling: key.labelling,
    shard: key.shard,
    view: key.view,
    chunk: key.chunk,
    part,
    shape: [rows.length, classes],
    encoding,
    rowsDigest: rowsDigest(rows),
    node,
    payload: encodeLogits(encoding, of.logits, classes, of.what),
  };
  return { subject: labelsSubject(key, part), data: encode(Labels, labels) };
}
