import { expect, it } from "vitest";
import { nodesOf, sharesOf, threadsEach } from "../../cli/local/threads.ts";
import { ComputeSpec } from "../../shared/config/spec.ts";
import { fileTeacher, smallSpec } from "../helpers/smallRun.ts";

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

it("runs have teacher nodes where one of them has a teacher with a model", () => {
  const nodes = { teachers: 3, studentWorkers: 2 };
  const distill = { terms: [{ kind: "cross-entropy" as const }] };
  const imported = { name: "far", labels: { path: "far.npz" } };
  const without = smallSpec({ nodes, teachers: [], distill });
  const elsewhere = smallSpec({ nodes, teachers: [imported] });
  const file = smallSpec({ nodes: { ...nodes, teachers: 1 }, teachers: [imported, fileTeacher("ada")] });
  expect(nodesOf(without)).toEqual({ teachers: 0, studentWorkers: 2 });
  expect(nodesOf(without, elsewhere)).toEqual({ teachers: 0, studentWorkers: 2 });
  // As the first says.
  expect(nodesOf(without, file)).toEqual(nodes);
});
