import pino, { type Logger } from "pino";
import { systemClock } from "../../../shared/bus/clock.ts";
import { DataSources } from "../../../shared/data/openSource.ts";
import { runTeacherNode } from "../../../teacher-node/main.ts";
import { classesOf } from "../classesOf.ts";
import type { Role, RoleTask } from "../role.ts";
import { serviceTimes } from "../serviceTimes.ts";
import { SimulatedTeacher } from "../simulatedTeacher.ts";
import { connectRole } from "./connect.ts";

type Task = Extract<RoleTask, { role: "teachers" }>;

/** Teacher nodes in one process, each with a connection and a device of its own; they share the data. */
export async function openTeachers(task: Task): Promise<Role> {
  const stop = new AbortController();
  const log = pino({ level: "error" }, pino.destination({ fd: 2, sync: true }));
  const names = Array.from({ length: task.nodes }, (_, i) => `${task.name}-${i}`);
  const data = new DataSources();
  const all = Promise.all(names.map((node) => serve(task, node, data, log, stop.signal)));
  // A node that fails takes the measurement along.
  all.catch((error) => {
    log.fatal({ error: String(error) }, "a teacher node failed");
    process.exit(1);
  });
  return {
    work: async () => ({}),
    async close() {
      stop.abort();
      await all;
    },
  };
}

async function serve(
  { url, spec, service }: Task,
  node: string,
  data: DataSources,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const bus = await connectRole(url, node);
  const answers = { rows: spec.labels.chunkSize, classes: classesOf(spec) };
  const compute = new SimulatedTeacher(answers, serviceTimes(service, node));
  try {
    await runTeacherNode({ bus, compute, node, data, clock: systemClock, log, signal });
  } finally {
    await bus.close();
  }
}
