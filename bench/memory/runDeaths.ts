import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../shared/bus/clock.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import { Attempts } from "../../shared/cluster/attempts.ts";
import { buckets, streams } from "../../shared/protocol/subjects.ts";
import { startNatsServer } from "../../test/helpers/natsServer.ts";
import type { RoleTask } from "../cluster/role.ts";
import { type Contents, leastOf, serverContents } from "../cluster/serverContents.ts";
import { simulatedSpec } from "../cluster/simulatedRun.ts";
import { RoleProcess, unlessFailed } from "../cluster/startRole.ts";

/** A line of the table, and an element of the JSON. */
export interface DeathsRow {
  readonly what: string;
  readonly before: number;
  readonly after: number;
}

export interface DeathsOptions {
  readonly deaths: number;
  /** Nodes that live and die at the same time. */
  readonly atOnce: number;
  /** Samples of the run; one chunk each. It must outlast the deaths. */
  readonly samples: number;
  /** After the last death, until what the dead have left must be gone. */
  readonly settleSeconds: number;
}

/** Nodes that stay. */
const NODES = 4;
const SERVICE = { kind: "fixed", meanMs: 4, variation: 0 } as const;
const LOOKS = 5;
const LOOK_MS = 300;

/**
 * Lets teacher nodes join a run and die in the middle of a chunk, again and again, while others go on; and compares what the
 * server holds before the first and some time after the last.
 */
export async function runDeaths(
  { deaths, atOnce, samples, settleSeconds }: DeathsOptions,
  say: (line: string) => void,
): Promise<DeathsRow[]> {
  const server = await startNatsServer();
  const spec = simulatedSpec({ samples, classes: 10, teachers: 1, chunkSize: 1, maxInFlight: 256 });
  const common = { url: server.url, spec };
  const tasks: RoleTask[] = [
    { ...common, role: "coordinator", nodes: NODES },
    { ...common, role: "teachers", name: "teachers", nodes: NODES, service: SERVICE },
    { ...common, role: "student" },
  ];
  const started = tasks.map((task) => new RoleProcess(task));
  const bus = await connectNats({ url: server.url, name: "watch" });
  try {
    let exhausted = 0;
    const queue = await bus.workQueue(streams.work.name, streams.work.filter);
    queue.onExhausted(() => exhausted++);
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    await Promise.all(started.map(({ ready }) => ready));
    for (const process of started) process.go();
    await sleep(5_000);
    // Made when a node tells of its first second try, and once for all.
    await Attempts.open(bus, systemClock);
    await bus.kv(buckets.quarantine);
    const before = await contents(server);
    const labelledBefore = (await log.size()).messages;
    const mortals = new RoleProcess({ ...common, role: "mortals", deaths, atOnce });
    started.push(mortals);
    await mortals.ready;
    const startedAt = performance.now();
    mortals.go();
    const { facts } = await unlessFailed(started, mortals.done);
    const seconds = (performance.now() - startedAt) / 1000;
    const labelled = (await log.size()).messages - labelledBefore;
    say(
      `${facts.messages} nodes died in ${seconds.toFixed(0)} s, while ${labelled} chunks were labelled; ${exhausted} chunks met 5 deaths`,
    );
    if (labelled === 0) throw new Error("nothing was labelled while nodes died: the run was over, or stuck");
    await mortals.end();
    say(`waiting ${settleSeconds} s for what they have left to expire`);
    await sleep(1000 * settleSeconds);
    const going = (await log.size()).messages;
    const after = await contents(server);
    if (going >= samples) throw new Error("the run ended before the last look: give it more samples");
    return [...new Set([...before.keys(), ...after.keys()])].map((what) => ({
      what,
      before: before.get(what) ?? 0,
      after: after.get(what) ?? 0,
    }));
  } finally {
    await bus.close();
    for (const process of started) process.kill();
    await server.dispose();
  }
}

async function contents({ url, storeDir }: { url: string; storeDir: string }): Promise<Contents> {
  const looks: Contents[] = [];
  for (let i = 0; i < LOOKS; i++) {
    looks.push(await serverContents(url, storeDir));
    await sleep(LOOK_MS);
  }
  return leastOf(looks);
}
