import { availableParallelism } from "node:os";
import type { RunSpec } from "../../shared/config/spec.ts";

type Staffed = Pick<RunSpec, "nodes" | "teachers">;

/** Of runs on this machine, as the first says: teacher nodes only where some teacher has a model. */
export function nodesOf(...specs: readonly [Staffed, ...Staffed[]]): RunSpec["nodes"] {
  const [{ nodes }] = specs;
  const asked = specs.some(({ teachers }) => teachers.some((teacher) => !("labels" in teacher)));
  return asked ? nodes : { ...nodes, teachers: 0 };
}

/** Threads for each compute of a local run: teacher nodes and the student node's workers are at work at once. */
export function threadsEach(
  { teachers, studentWorkers }: RunSpec["nodes"],
  cores = availableParallelism(),
): number {
  return Math.max(1, Math.floor(cores / (teachers + studentWorkers)));
}

/** How the cores are divided, for people. */
export function sharesOf(
  { nodes: { teachers, studentWorkers }, compute }: Pick<RunSpec, "nodes" | "compute">,
  threads: number,
  cores = availableParallelism(),
): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  const told = (["teacher", "student"] as const).flatMap((role) => {
    const own = compute.threads[role];
    return own === undefined ? [] : [`${count(own, "thread")} a ${role}`];
  });
  const who = `${count(cores, "core")} for ${count(teachers, "teacher node")} and ${count(studentWorkers, "student worker")}`;
  const share = told.length < 2 ? `, ${count(threads, "thread")} each` : "";
  return `Compute: ${who}${share}; compute.threads in the spec ${told.length > 0 ? `says ${told.join(" and ")}` : "changes that"}.`;
}
