import { startNatsServer } from "../../test/helpers/natsServer.ts";
import { processorMs } from "../cluster/processorMs.ts";
import type { RoleTask } from "../cluster/role.ts";
import type { ServiceTime } from "../cluster/serviceTimes.ts";
import { type SimulatedRun, simulatedSpec } from "../cluster/simulatedRun.ts";
import { type Done, RoleProcess, unlessFailed } from "../cluster/startRole.ts";

/** How the nodes of a block stand. */
export interface Nodes {
  readonly nodes: number;
  /** That they are divided among. */
  readonly processes: number;
  readonly service: ServiceTime;
}

/** What one block moved, from the first thing that was asked for to the last message at the other end. */
export interface Moved {
  readonly samples: number;
  readonly messages: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Processor time of each process in that time, milliseconds. */
  readonly cpuMs: Readonly<Record<string, number>>;
}

/** Labels a run: coordinator, teacher nodes and student in processes of their own, on a server of their own. */
export async function labelOnce(
  run: SimulatedRun,
  { nodes, processes, service }: Nodes,
  profile?: string,
): Promise<Moved> {
  const spec = simulatedSpec(run);
  const server = await startNatsServer();
  const common = { url: server.url, spec };
  const teachers = Array.from({ length: processes }, (_, i): RoleTask => {
    const own = Math.floor(nodes / processes) + (i < nodes % processes ? 1 : 0);
    return { ...common, role: "teachers", name: `teachers-${i}`, nodes: own, service };
  });
  const tasks: RoleTask[] = [
    { ...common, role: "coordinator", nodes },
    ...teachers,
    { ...common, role: "student" },
  ];
  return together(tasks, server, profile, async (started) => {
    const [coordinator] = started as [RoleProcess];
    const student = started.at(-1) as RoleProcess;
    const [asked, read] = (await Promise.all([coordinator.done, student.done])) as [Done, Done];
    return {
      samples: asked.facts.samples ?? 0,
      messages: read.facts.messages ?? 0,
      bytes: read.facts.bytes ?? 0,
      seconds: (read.endedAt - asked.startedAt) / 1000,
    };
  });
}

/** Moves the same messages by bare clients, both ends at once. */
export async function moveRaw(run: SimulatedRun, samples: number, inFlight: number): Promise<Moved> {
  const server = await startNatsServer();
  const common = { url: server.url, spec: simulatedSpec(run) };
  const tasks: RoleTask[] = [
    { ...common, role: "raw-publisher", inFlight },
    { ...common, role: "raw-consumer" },
  ];
  return together(tasks, server, undefined, async ([publisher, consumer]) => {
    const [sent, read] = (await Promise.all([publisher?.done, consumer?.done])) as [Done, Done];
    return {
      samples,
      messages: read.facts.messages ?? 0,
      bytes: read.facts.bytes ?? 0,
      seconds: (read.endedAt - sent.startedAt) / 1000,
    };
  });
}

type Server = Awaited<ReturnType<typeof startNatsServer>>;

/** Starts processes, lets them begin together, and ends them and the server, whatever happens. */
async function together(
  tasks: readonly RoleTask[],
  server: Server,
  profile: string | undefined,
  until: (started: readonly RoleProcess[]) => Promise<Omit<Moved, "cpuMs">>,
): Promise<Moved> {
  const execArgv = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const started = tasks.map((task) => new RoleProcess(task, execArgv));
  try {
    await Promise.all(started.map(({ ready }) => ready));
    const before = processorMs(server.pid);
    for (const process of started) process.go();
    const moved = await unlessFailed(started, until(started));
    const serverMs = processorMs(server.pid) - before;
    const spent = await Promise.all(started.map(async (one) => [one.name, await one.end()] as const));
    return { ...moved, cpuMs: { ...Object.fromEntries(spent), "nats-server": serverMs } };
  } finally {
    for (const process of started) process.kill();
    await server.dispose();
  }
}
