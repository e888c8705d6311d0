import { ArchSpec } from "../../shared/config/archSpec.ts";
import type { DataSpec } from "../../shared/config/dataSpec.ts";
import { RunSpec } from "../../shared/config/spec.ts";
import { withSimulatedTeachers } from "../cluster/simulatedRun.ts";

/** Who learns from whom, on what. */
export interface OverlapSetup {
  readonly student: ArchSpec;
  readonly teacher: ArchSpec;
  readonly teachers: number;
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly batch: number;
  readonly chunkSize: number;
  readonly spec: RunSpec;
}

export interface OverlapSize {
  /** Hidden units of each of two layers. */
  readonly studentWidth: number;
  readonly teacherWidth: number;
  readonly teachers: number;
  readonly epochs: number;
  /** Random samples of 784 numbers in place of MNIST; absent: MNIST. */
  readonly samples: number | undefined;
}

const BATCH = 128;
const CHUNK_SIZE = 512;

export function overlapSetup({
  studentWidth,
  teacherWidth,
  teachers,
  epochs,
  samples,
}: OverlapSize): OverlapSetup {
  const student = ArchSpec.parse({ arch: "mlp", hidden: [studentWidth, studentWidth] });
  const data: Partial<DataSpec> =
    samples === undefined
      ? { dataset: "mnist" }
      : { format: "synthetic", train: samples, test: CHUNK_SIZE, features: 784, classes: 10 };
  const spec = withSimulatedTeachers(data, { teachers, chunkSize: CHUNK_SIZE, maxInFlight: 64 });
  return {
    student,
    teacher: ArchSpec.parse({ arch: "mlp", hidden: [teacherWidth, teacherWidth] }),
    teachers,
    inputShape: samples === undefined ? [28, 28, 1] : [784],
    classes: 10,
    batch: BATCH,
    chunkSize: CHUNK_SIZE,
    spec: RunSpec.parse({
      ...spec,
      student: {
        model: student,
        train: { epochs, batch: BATCH, optimizer: { kind: "adamw", lr: 0.001 } },
      },
      distill: { loss: { kind: "kd", temperature: 4, alpha: 0.9 } },
      compute: { threads: { student: 1 } },
    }),
  };
}
