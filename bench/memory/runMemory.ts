import { startNatsServer } from "../../test/helpers/natsServer.ts";
import type { RoleTask } from "../cluster/role.ts";
import { simulatedSpec } from "../cluster/simulatedRun.ts";
import { RoleProcess, unlessFailed } from "../cluster/startRole.ts";
import { serviceMsOf } from "../pipeline/offeredLoad.ts";
import { type MemoryRow, memoryRow } from "./memoryRow.ts";
import { residentMemory } from "./residentMemory.ts";

export interface MemoryOptions {
  readonly samples: number;
  readonly classes: number;
  readonly nodes: number;
  /** That the labelling is to take. */
  readonly seconds: number;
}

const CHUNK_SIZE = 512;
const LOOK_MS = 1000;

/** Labels so many samples, and looks at the memory of each process meanwhile. */
export async function runMemory(
  { samples, classes, nodes, seconds }: MemoryOptions,
  say: (line: string) => void,
): Promise<MemoryRow[]> {
  const run = { samples, classes, teachers: 1, chunkSize: CHUNK_SIZE, maxInFlight: 64 };
  const server = await startNatsServer();
  const common = { url: server.url, spec: simulatedSpec(run) };
  const service = {
    kind: "lognormal",
    variation: 0.5,
    meanMs: serviceMsOf(samples / seconds, nodes, CHUNK_SIZE),
  } as const;
  const tasks: RoleTask[] = [
    { ...common, role: "coordinator", nodes },
    { ...common, role: "teachers", name: "teachers", nodes, service },
    { ...common, role: "student" },
  ];
  const started = tasks.map((task) => new RoleProcess(task));
  try {
    await Promise.all(started.map(({ ready }) => ready));
    const looks: number[][] = [];
    const pids = [...started.map(({ pid }) => pid), server.pid];
    for (const process of started) process.go();
    const looking = setInterval(() => {
      looks.push(residentMemory(pids));
      if (looks.length % 30 === 0) say(`after ${looks.length} s: ${inWords(looks.at(-1) ?? [])}`);
    }, LOOK_MS);
    const [coordinator, , student] = started as [RoleProcess, RoleProcess, RoleProcess];
    const done = Promise.all([coordinator.done, student.done]);
    await unlessFailed(started, done).finally(() => clearInterval(looking));
    await Promise.all(started.map((process) => process.end()));
    const names = [...started.map(({ name }) => name), "nats-server"];
    return names.map((name, i) =>
      memoryRow(
        name,
        looks.map((look) => look[i] as number),
        samples,
      ),
    );
  } finally {
    for (const process of started) process.kill();
    await server.dispose();
  }
}

function inWords(look: readonly number[]): string {
  return `${look.map((bytes) => (bytes / 1e6).toFixed(0)).join(", ")} MB`;
}
