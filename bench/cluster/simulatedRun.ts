import { carriedLabels, readyTeacher } from "../../coordinator/readyTeacher.ts";
import { plannedTeachers } from "../../coordinator/teach.ts";
import type { DataSpec } from "../../shared/config/dataSpec.ts";
import { RunSpec } from "../../shared/config/spec.ts";
import { specHash } from "../../shared/config/specHash.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { sha256 } from "../../shared/determinism/hash.ts";
import { ownMapping, type RunRecord, type RunTeacher } from "../../shared/protocol/run.ts";

export const RUN = "simulated";

export interface SimulatedRun {
  readonly samples: number;
  readonly classes: number;
  readonly teachers: number;
  readonly chunkSize: number;
  readonly maxInFlight: number;
}

/** A run on samples of one number each, with teachers whose models are names. */
export function simulatedSpec({ samples, classes, teachers, chunkSize, maxInFlight }: SimulatedRun): RunSpec {
  // A sample of each class at least.
  const validation = Math.min(0.5, Math.max(0.01, classes / samples));
  const data = { format: "synthetic", features: 1, validation } as const;
  return withSimulatedTeachers(
    { ...data, train: samples, test: chunkSize, classes },
    { teachers, chunkSize, maxInFlight },
  );
}

/** A run on any data. */
export function withSimulatedTeachers(
  data: Partial<DataSpec>,
  { teachers, chunkSize, maxInFlight }: Pick<SimulatedRun, "teachers" | "chunkSize" | "maxInFlight">,
): RunSpec {
  return RunSpec.parse({
    name: RUN,
    seeds: [1],
    data,
    teachers: Array.from({ length: teachers }, (_, k) => ({
      name: `teacher-${k}`,
      model: { format: "onnx", path: `teacher-${k}.onnx`, output: "logits" },
    })),
    student: { model: { arch: "mlp", hidden: [8] }, train: { epochs: 1, batch: 128 } },
    labels: { encoding: "half", chunkSize, maxInFlight },
  });
}

/** The bytes that stand in the object store for a teacher's model. */
export function simulatedModel(teacher: number): Uint8Array {
  return new TextEncoder().encode(`simulated teacher ${teacher}`);
}

/** The run's teachers, as they stand in its record once all are there. */
export function simulatedTeachers(
  spec: RunSpec,
): (RunTeacher & { ready: NonNullable<RunTeacher["ready"]> })[] {
  return plannedTeachers(spec.teachers, "").map((planned, k) => {
    const bytes = simulatedModel(k);
    const model = { artifact: sha256(bytes), format: "stillhouse", mapping: ownMapping } as const;
    const { ready, ...of } = readyTeacher(planned, carriedLabels(spec, k, []), {
      model,
      parameters: 0,
      bytes: bytes.byteLength,
    });
    if (!ready) throw new Error(`teacher ${k} is not ready`);
    return { ...of, ready };
  });
}

/** The record of the run while it labels. */
export function simulatedRecord(spec: RunSpec, dataset: Dataset, fence: number): RunRecord {
  const now = Date.now();
  return {
    type: "run",
    run: RUN,
    fence,
    state: "distilling",
    spec,
    specHash: specHash(spec),
    data: { spec: spec.data, baseDir: ".", hash: dataset.hash },
    shards: dataset.shards.map(({ hash, rows }) => ({ hash, rows })),
    teachers: simulatedTeachers(spec),
    passes: null,
    createdAtMs: now,
    enteredAtMs: { distilling: now },
    labelledAtMs: null,
    error: null,
  };
}
