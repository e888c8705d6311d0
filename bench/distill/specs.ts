import { RunSpec } from "../../shared/config/spec.ts";

/** Of what is distilled; the peer's command has the same options. */
export interface DistillTask {
  readonly teachers: number;
  readonly teacherEpochs: number;
  readonly batch: number;
  readonly threads: number;
}

/** As the peer has them: two layers of 1,200 with dropout, two of 800, Adam, T = 4 and alpha = 0.9. */
const TEACHER = { arch: "mlp", hidden: [1200, 1200], dropout: 0.2 } as const;
const STUDENT = { arch: "mlp", hidden: [800, 800] } as const;
const optimizer = { kind: "adam", lr: 1e-3 } as const;
/** A run wants some: the peer trains on all, which is a hundredth more. */
const VALIDATION = 0.01;

function common({ teachers, teacherEpochs, batch, threads }: DistillTask) {
  return {
    seed: 0,
    seeds: [1],
    data: { dataset: "mnist", validation: VALIDATION },
    teachers: Array.from({ length: teachers }, (_, k) => ({
      name: `teacher-${k}`,
      model: TEACHER,
      train: { epochs: teacherEpochs, batch, optimizer, seed: 100 + k },
    })),
    distill: { loss: { kind: "kd", temperature: 4, alpha: 0.9 } },
    baseline: false,
    nodes: { teachers: 1, studentWorkers: 1 },
    compute: { threads: { student: threads } },
  } as const;
}

/** Trains the teachers, whose weights other runs of the store find. Its labels, in float32, are none of theirs. */
export function teachersSpec(task: DistillTask): RunSpec {
  return RunSpec.parse({
    ...common(task),
    name: "bench-teachers",
    student: { model: { arch: "mlp", hidden: [16] }, train: { epochs: 1, batch: 512 } },
    labels: { encoding: "float32" },
  });
}

/** Labels everything by these, and trains the student. */
export function distillSpec(task: DistillTask, epochs: number): RunSpec {
  return RunSpec.parse({
    ...common(task),
    name: "bench-distill",
    student: { model: STUDENT, train: { epochs, batch: task.batch, optimizer } },
    labels: { encoding: "half" },
  });
}
