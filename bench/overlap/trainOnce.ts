import { startNatsServer } from "../../test/helpers/natsServer.ts";
import type { RoleTask } from "../cluster/role.ts";
import type { ServiceTime } from "../cluster/serviceTimes.ts";
import { RoleProcess, unlessFailed } from "../cluster/startRole.ts";
import type { OverlapSetup } from "./setup.ts";

/** What a training did. */
export interface Trained {
  readonly steps: number;
  /** Of the whole training, its waits for labels included. */
  readonly seconds: number;
  readonly waitSeconds: number;
}

/**
 * Trains the student twice on a server of its own: while so many nodes label, from an empty log, and then from the full
 * log with nobody else at work.
 */
export async function trainOnce(
  { spec, batch }: OverlapSetup,
  nodes: number,
  service: ServiceTime,
): Promise<{ remote: Trained; alone: Trained }> {
  const server = await startNatsServer();
  const common = { url: server.url, spec };
  const started: RoleProcess[] = [];
  const start = (task: RoleTask): RoleProcess => {
    const process = new RoleProcess(task);
    started.push(process);
    return process;
  };
  const outcome = async (trainer: RoleProcess): Promise<Trained> => {
    const { facts } = await trainer.done;
    const { steps = 0, samplesPerS = 0, waitSeconds = 0 } = facts;
    // The rate is of all samples, the last batch of an epoch counted as a whole one, without the waits.
    return { steps, waitSeconds, seconds: (steps * batch) / samplesPerS + waitSeconds };
  };
  try {
    const labelling = [
      start({ ...common, role: "coordinator", nodes }),
      start({ ...common, role: "teachers", name: "teachers-0", nodes, service }),
    ];
    const first = start({ ...common, role: "trainer" });
    await Promise.all([...labelling, first].map(({ ready }) => ready));
    for (const process of [...labelling, first]) process.go();
    const remote = await unlessFailed(started, outcome(first));
    await labelling[0]?.done;
    await Promise.all([...labelling, first].map((process) => process.end()));
    const second = start({ ...common, role: "trainer" });
    await second.ready;
    second.go();
    const alone = await outcome(second);
    await second.end();
    return { remote, alone };
  } finally {
    for (const process of started) process.kill();
    await server.dispose();
  }
}
