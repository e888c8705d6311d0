import { z } from "zod";
import { Bytes, Hash } from "./identifiers.ts";
import { StoredEncoding } from "./storedEncoding.ts";

/**
 * Whoever imports labels -> coordinators (KV, key = identity.labelling): labels that were made elsewhere and stand in the
 * log under `labelling`. Written after the last of them, so that an import which was cut off is none.
 */
export const ImportedTeacher = z.strictObject({
  type: z.literal("imported-teacher"),
  identity: Hash,
  labelling: Hash,
  encoding: StoredEncoding,
  chunkSize: z.int().positive(),
  output: z.enum(["logits", "probabilities", "sigmoids", "values"]),
  /** Of the file, as it was written by whoever imported it; for people. */
  file: z.string(),
  samples: z.int().positive(),
  bytes: z.int().positive(),
  /**
   * Their first rows of chunk 0 of the data's first shard, as they were before they were stored: logits in float32,
   * little-endian, [rows, classes]. Absent: an older version imported them.
   */
  probe: z
    .strictObject({
      shard: Hash,
      shape: z.tuple([z.int().positive(), z.int().positive()]),
      logits: Bytes,
    })
    .optional(),
  importedAtMs: z.number(),
  /** What they are of, for who lists the log; absent: written before this was kept. */
  data: z
    .strictObject({
      name: z.string(),
      hash: Hash,
      shards: z.array(z.strictObject({ hash: Hash, rows: z.int().positive() })),
    })
    .optional(),
});
export type ImportedTeacher = z.infer<typeof ImportedTeacher>;
