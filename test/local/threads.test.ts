import { expect, it } from "vitest";
import { sharesOf, threadsEach } from "../../cli/local/threads.ts";
import { ComputeSpec } from "../../shared/config/spec.ts";

it.each([
  [2, 2, 2, 1],
  [16, 2, 2, 4],
  [9, 1, 1, 4],
  [1, 4, 2, 1],
])(
  "a run on %i cores with %i teacher nodes and %i student workers gives each %i threads",
  (cores, teachers, studentWorkers, threads) => {
    expect(threadsEach({ teachers, studentWorkers }, cores)).toBe(threads);
    const nodes = { teachers, studentWorkers };
    const compute = ComputeSpec.parse({});
    expect(sharesOf({ nodes, compute }, threads, cores)).toMatch(
      new RegExp(
        `^Compute: ${cores} cores? for ${teachers} .*, ${threads} threads? each; .* changes that\\.$`,
      ),
    );
  },
);

it("what the spec says of threads is said", () => {
  const nodes = { teachers: 2, studentWorkers: 1 };
  const of = (threads: object) => sharesOf({ nodes, compute: ComputeSpec.parse({ threads }) }, 5, 16);
  const cores = "Compute: 16 cores for 2 teacher nodes and 1 student worker";
  expect(of({ student: 8 })).toBe(
    `${cores}, 5 threads each; compute.threads in the spec says 8 threads a student.`,
  );
  expect(of({ teacher: 1, student: 8 })).toBe(
    `${cores}; compute.threads in the spec says 1 thread a teacher and 8 threads a student.`,
  );
});
