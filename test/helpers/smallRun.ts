import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import { RunSpec } from "../../shared/config/spec.ts";
import { sha256 } from "../../shared/determinism/hash.ts";

type Written = z.input<typeof RunSpec>;
type DataPatch = Partial<Extract<Written["data"], { format: "synthetic" }>>;

/**
 * A run that takes a fraction of a second, with a teacher from a file (`writeTeacherFiles`).
 *
 * Of 200 training rows in 4 classes 5 a class are validation: 180 and 20. With 32 rows a chunk these are 7 chunks,
 * the last of 8, and 50 test rows are 2: 250 rows in 9 chunks for each teacher. With 32 rows a batch an epoch has
 * 6 steps, the last of 20 rows: 12 steps in all.
 */
export function smallSpec(patch: Partial<Written> = {}, data: DataPatch = {}): RunSpec {
  return RunSpec.parse({
    name: "small",
    seeds: [1],
    data: { ...smallData, ...data },
    teachers: [fileTeacher("ada")],
    student: { model: { arch: "mlp", hidden: [6] }, train: { epochs: 2, batch: 32 } },
    baseline: false,
    labels: { chunkSize: 32 },
    nodes: { teachers: 1, studentWorkers: 1 },
    ...patch,
  } satisfies Written);
}

export const smallData = { format: "synthetic", train: 200, test: 50, features: 5, classes: 4 } as const;
export const SMALL_ROWS = 250;
export const SMALL_CHUNKS = 9;
export const SMALL_STEPS = 12;

/** A teacher of a spec that is loaded from what `writeTeacherFiles` wrote. */
export function fileTeacher(name: string): NonNullable<Written["teachers"]>[number] {
  return { name, model: { format: "tfjs-layers", path: `${name}.json`, output: "logits" } };
}

/** A teacher of a spec that is trained in the run. */
export function trainedTeacher(name: string, seed = 0): NonNullable<Written["teachers"]>[number] {
  return { name, model: { arch: "mlp", hidden: [8] }, train: { epochs: 2, batch: 32, seed } };
}

/**
 * A folder with files of teachers, which differ in their weights. The coordinator reads no more of them than the list
 * of weights, and a simulated teacher no more than their bytes.
 */
export async function writeTeacherFiles(
  ...names: string[]
): Promise<{ dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "stillhouse-run-"));
  for (const name of names) {
    const manifest = [{ paths: [`${name}.bin`], weights: [{ name: "w", shape: [16], dtype: "float32" }] }];
    await writeFile(join(dir, `${name}.json`), JSON.stringify({ weightsManifest: manifest }));
    await writeFile(join(dir, `${name}.bin`), Buffer.from(sha256(name), "ascii"));
  }
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}
