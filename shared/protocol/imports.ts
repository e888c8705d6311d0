import { z } from "zod";
import { Hash } from "./identifiers.ts";

/**
 * Whoever imports labels -> coordinators (KV, key = identity.labelling): labels that were made elsewhere and stand in the
 * log under `labelling`. Written after the last of them, so that an import which was cut off is none.
 */
export const ImportedTeacher = z.strictObject({
  type: z.literal("imported-teacher"),
  identity: Hash,
  labelling: Hash,
  encoding: z.enum(["half", "float32"]),
  chunkSize: z.int().positive(),
  output: z.enum(["logits", "probabilities", "sigmoids", "values"]),
  /** Of the file, as it was written by whoever imported it; for people. */
  file: z.string(),
  samples: z.int().positive(),
  bytes: z.int().positive(),
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
