import { resolve } from "node:path";
import type { LoadedTeacherSpec } from "../shared/config/teacherSpec.ts";
import { sha256 } from "../shared/determinism/hash.ts";
import { readModelFile } from "../shared/model/modelFile.ts";
import type { RunTeacher } from "../shared/protocol/run.ts";
import { type CarriedLabels, readyTeacher } from "./readyTeacher.ts";

/**
 * A teacher that is loaded from files, and the bytes under whose hash its model stands in the object store.
 * @param baseDir folder to which the spec's paths are relative
 */
export async function fileTeacher(
  baseDir: string,
  { model, classes }: LoadedTeacherSpec,
  planned: RunTeacher,
  carried: CarriedLabels,
): Promise<{ teacher: RunTeacher; bytes: Uint8Array }> {
  const { format, path, ...mapping } = model;
  const { bytes, parameters } = await readModelFile(format, resolve(baseDir, path), path);
  const teacher = readyTeacher(planned, carried, {
    model: { artifact: sha256(bytes), format, mapping, ...(classes && { classes }) },
    parameters,
    bytes: bytes.byteLength,
  });
  return { teacher, bytes };
}
