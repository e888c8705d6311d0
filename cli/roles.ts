import type { Logger } from "pino";
import { runCoordinator } from "../coordinator/main.ts";
import type { Bus } from "../shared/bus/bus.ts";
import { systemClock } from "../shared/bus/clock.ts";
import type { RoleCompute } from "../shared/compute/computeSettings.ts";
import type { RunSpec } from "../shared/config/spec.ts";
import type { AnyReport } from "../shared/evaluate/taskReportSchema.ts";
import { runStudentNode } from "../student-node/main.ts";
import { workerStudentCompute } from "../student-node/workerCompute.ts";
import { runTeacherNode } from "../teacher-node/main.ts";
import { workerTeacherCompute } from "../teacher-node/workerCompute.ts";
import { nodeId } from "./nodeId.ts";

/** What every role is started with, in a process of its own or beside the others. */
export interface RoleStart {
  readonly bus: Bus;
  readonly signal: AbortSignal;
  makeLog(node: string): Logger;
  readonly dataRoot?: string | undefined;
  /** Name of the node; absent: made from role, host and random characters. */
  readonly name?: string | undefined;
  readonly compute: RoleCompute;
  /** How long a node that is to end may take for its last checkpoints; absent: `GRACE_MS`. */
  readonly graceMs?: number | undefined;
}

export function startCoordinator(
  start: RoleStart,
  of: { spec: RunSpec; baseDir: string; run: string; threads: number; busNote?: string | undefined },
): Promise<AnyReport | undefined> {
  const { bus, signal } = start;
  const node = start.name ?? nodeId("coordinator");
  return runCoordinator({ ...of, bus, signal, node, clock: systemClock, log: start.makeLog(node) });
}

export function startTeacher({
  bus,
  signal,
  dataRoot,
  makeLog,
  name,
  compute: role,
  graceMs,
}: RoleStart): Promise<void> {
  const node = name ?? nodeId("teacher");
  const compute = workerTeacherCompute(role, systemClock);
  return runTeacherNode({
    bus,
    signal,
    dataRoot,
    node,
    compute,
    graceMs,
    clock: systemClock,
    log: makeLog(node),
  });
}

export function startStudent(
  { bus, signal, dataRoot, makeLog, name, compute: role, graceMs }: RoleStart,
  workers?: number,
): Promise<void> {
  const node = name ?? nodeId("student");
  return runStudentNode({
    bus,
    signal,
    dataRoot,
    workers,
    node,
    graceMs,
    makeCompute: () => workerStudentCompute(role, systemClock),
    clock: systemClock,
    log: makeLog(node),
  });
}
