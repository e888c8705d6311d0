import { chunkRows } from "../../shared/data/chunks.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { sampleId } from "../../shared/data/dataset.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { floats, int64s, zipOf } from "../data/npyFiles.ts";

/** What a teacher has said, sample by sample: [id, its logits]. */
export function labelsByRow(
  messages: Iterable<Uint8Array>,
  { shards }: Dataset,
  chunkSize: number,
): [number, Float32Array][] {
  const said: [number, Float32Array][] = [];
  for (const message of messages) {
    const { shard, chunk, part, shape, encoding, payload } = decode(Labels, message, "labels");
    if (encoding !== "float32" || part !== 0) throw new Error("the test asks for whole chunks of float32");
    const index = shards.findIndex(({ hash }) => hash === shard);
    const [rows, classes] = shape;
    const view = new DataView(payload.buffer, payload.byteOffset);
    chunkRows(shard, shards[index]?.rows ?? 0, chunkSize, chunk).forEach((row, i) => {
      const logit = (_: unknown, c: number) => view.getFloat32((i * classes + c) * 4, true);
      said.push([sampleId(index, row), Float32Array.from({ length: classes }, logit)]);
    });
    if (said.length < rows) throw new Error("a chunk has fewer rows than its message");
  }
  return said;
}

/** The same as an NPZ file. */
export function npzOf(
  said: readonly [number, Float32Array][],
  output: "logits" | "probabilities" = "logits",
): Uint8Array {
  const classes = said[0]?.[1].length ?? 0;
  return zipOf({
    "ids.npy": int64s(said.map(([id]) => id)),
    [`${output}.npy`]: floats(
      [said.length, classes],
      said.flatMap(([, logits]) => [...logits]),
    ),
  });
}
