import { availableParallelism } from "node:os";
import type { RunSpec } from "../../shared/config/spec.ts";

/** Threads for each compute of a local run: teacher nodes and the student node's workers are at work at once. */
export function threadsEach(
  { teachers, studentWorkers }: RunSpec["nodes"],
  cores = availableParallelism(),
): number {
  return Math.max(1, Math.floor(cores / (teachers + studentWorkers)));
}

/** How the cores are divided, for people. */
export function sharesOf(
  { teachers, studentWorkers }: RunSpec["nodes"],
  threads: number,
  cores = availableParallelism(),
): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  return `Compute: ${count(cores, "core")} for ${count(teachers, "teacher node")} and ${count(studentWorkers, "student worker")}, ${count(threads, "thread")} each; compute.threads in the spec says otherwise.`;
}
