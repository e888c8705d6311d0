import pino from "pino";
import { systemClock } from "../../../shared/bus/clock.ts";
import { connectNats } from "../../../shared/bus/nats.ts";
import { runTeacherNode } from "../../../teacher-node/main.ts";
import { openCable } from "../../../test/helpers/cable.ts";
import { classesOf } from "../classesOf.ts";
import type { Role, RoleTask } from "../role.ts";
import { SimulatedTeacher } from "../simulatedTeacher.ts";

type Task = Extract<RoleTask, { role: "mortals" }>;

/** Teacher nodes that join one after the other, and die in the middle of their first chunk. */
export async function openMortals(task: Task): Promise<Role> {
  const stop = new AbortController();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < task.deaths && !stop.signal.aborted) await liveAndDie(task, `mortal-${next++}`);
  };
  return {
    async work() {
      await Promise.all(Array.from({ length: task.atOnce }, lane));
      return { messages: next };
    },
    async close() {
      stop.abort();
    },
  };
}

async function liveAndDie({ url, spec }: Task, node: string): Promise<void> {
  const cable = await openCable(url);
  const bus = await connectNats({ url: cable.url, name: node, onError: () => undefined });
  const stop = new AbortController();
  const compute = new DyingTeacher({ rows: spec.labels.chunkSize, classes: classesOf(spec) });
  const log = pino({ level: "silent" });
  const life = runTeacherNode({ bus, compute, node, clock: systemClock, log, signal: stop.signal });
  // A dead node's complaints are nobody's concern; one that fails before it is at work is.
  await Promise.race([compute.atWork, life.then(() => Promise.reject(new Error(`${node} ended by itself`)))]);
  cable.sever();
  compute.die();
  stop.abort();
  await Promise.allSettled([bus.close(), life]);
}

/** Begins with a chunk and never comes to its end. */
class DyingTeacher extends SimulatedTeacher {
  readonly atWork: Promise<void>;
  readonly #begin: () => void;
  readonly #death: Promise<never>;
  readonly die: () => void;

  constructor(answers: { rows: number; classes: number }) {
    super(answers, () => 0);
    let begin = (): void => undefined;
    let die = (): void => undefined;
    this.atWork = new Promise((resolve) => {
      begin = resolve;
    });
    this.#death = new Promise((_, reject) => {
      die = () => reject(new Error("the node died"));
    });
    this.#death.catch(() => undefined);
    this.#begin = begin;
    this.die = die;
  }

  override predict(): Promise<Float32Array> {
    this.#begin();
    return this.#death;
  }
}
