import * as tf from "@tensorflow/tfjs";
import pino, { type Logger } from "pino";
import { expect } from "vitest";
import { runCoordinator } from "../../coordinator/main.ts";
import type { Bus, WorkQueue, WriteOnceLog } from "../../shared/bus/bus.ts";
import { MemoryHub } from "../../shared/bus/memory/hub.ts";
import { postFault } from "../../shared/cluster/faults.ts";
import { chooseBackend } from "../../shared/compute/backend.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Rng } from "../../shared/determinism/rng.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { type AnyReport, isTaskReport, type TaskReport } from "../../shared/evaluate/taskReportSchema.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { RunRecord, type RunState } from "../../shared/protocol/run.ts";
import { buckets, streams } from "../../shared/protocol/subjects.ts";
import { StudentEngine } from "../../student-node/engine.ts";
import { runStudentNode } from "../../student-node/main.ts";
import type { TeacherCompute, TeacherTraining } from "../../teacher-node/compute.ts";
import { TeacherEngine } from "../../teacher-node/engine.ts";
import { runTeacherNode } from "../../teacher-node/main.ts";
import {
  type AroundPrediction,
  ProbedStudent,
  ProbedTeacher,
  SimulatedTeacher,
  type StudentWatch,
} from "./computes.ts";
import { ManualClock } from "./manualClock.ts";
import { Life, mortalBus, mortalClock } from "./mortality.ts";
import { preferredBackend } from "./preferredBackend.ts";
import { subjectsOf } from "./subjectsOf.ts";

/** A started role. */
export interface Started<T = void> {
  readonly name: string;
  /** Ends with the role; never after `kill`. */
  readonly ended: Promise<T>;
  /** Asks it to end, as SIGTERM does. */
  stop(): Promise<void>;
  /** Ends it as SIGKILL does: not one message more, nothing acknowledged. */
  kill(): void;
}

export interface StartedTeacher extends Started {
  readonly compute: ProbedTeacher;
}

/**
 * Runs `body` with a cluster of its own, stops whatever then lives, and finds what was left behind.
 * @param baseDir where the specs' paths start
 */
export async function withCluster(
  baseDir: string,
  body: (cluster: Cluster) => Promise<void>,
  options: ClusterOptions = {},
): Promise<void> {
  await chooseBackend({ prefer: preferredBackend });
  const cluster = new Cluster(baseDir, options);
  try {
    await body(cluster);
  } catch (error) {
    await cluster.stop().catch(() => undefined);
    throw error;
  }
  await cluster.stop();
  cluster.expectNothingLeft();
}

/** The hash of a run's first student with one teacher node of simulated answers, and nothing that disturbs it. */
export async function undisturbedHash(baseDir: string, spec: RunSpec): Promise<string> {
  let hash = "";
  await withCluster(baseDir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1");
    hash = (await cluster.run(spec)).student.weightsHash;
  });
  return hash;
}

export interface ClusterOptions {
  /** Delays every operation of the bus and every delivery by 0 to 4 ms of the clock, drawn from it. */
  random?: Rng;
}

/** How far the clock moves before everything that became due is let run. */
const TICK_MS = 100;
/** The other clock must have moved too before something counts as hung: a busy machine is slow to start a thread of I/O. */
const REAL_LIMIT_MS = 45_000;

function readsFiles(): boolean {
  return process.getActiveResourcesInfo().some((kind) => kind.startsWith("FSReq"));
}

/**
 * A whole cluster in the test's process: one bus in memory, one clock that the test moves, and computing without
 * threads. Waits of any length take no time, and what follows on what does not depend on the machine's speed.
 */
export class Cluster {
  readonly clock = new ManualClock();
  readonly hub: MemoryHub;
  /** The test's own client of the bus. */
  readonly bus: Bus;
  /** What all roles logged, one object a line. */
  readonly logged: Record<string, unknown>[] = [];
  readonly #baseDir: string;
  readonly #started: { life: Life; stop(): Promise<void> }[] = [];
  readonly #tensors: number;
  readonly #errors: unknown[] = [];

  constructor(baseDir: string, { random }: ClusterOptions) {
    this.#baseDir = baseDir;
    this.hub = new MemoryHub({
      clock: this.clock,
      onError: (error) => this.#errors.push(error),
      ...(random ? { random } : {}),
    });
    this.bus = this.hub.connect("test");
    this.#tensors = tf.memory().numTensors;
  }

  teacher(
    name: string,
    options: {
      real?: boolean;
      around?: AroundPrediction;
      dataRoot?: string;
      /** What its processor makes of the probe's logits. */
      rounding?: (logit: number, index: number, labelling: string) => number;
      /** Between two checkpoints of a teacher's training; 0: one after each step. */
      checkpointMs?: number;
      /** After a checkpoint is stored. */
      onCheckpoint?: (task: TeacherTraining, step: number) => void | Promise<void>;
    } = {},
  ): StartedTeacher {
    const life = new Life();
    const inner: TeacherCompute = options.real
      ? new TeacherEngine({ prefer: preferredBackend })
      : new SimulatedTeacher();
    const compute = new ProbedTeacher(inner, life, options.around, options.rounding, options.onCheckpoint);
    const started = this.#start(name, life, (common) =>
      runTeacherNode({
        ...common,
        node: name,
        compute,
        dataRoot: options.dataRoot,
        checkpointMs: options.checkpointMs,
      }),
    );
    return { ...started, compute };
  }

  student(name: string, options: { watch?: StudentWatch; workers?: number } = {}): Started {
    const life = new Life();
    const makeCompute = () =>
      new ProbedStudent(new StudentEngine({ prefer: preferredBackend }), life, options.watch ?? {});
    return this.#start(name, life, (common) =>
      runStudentNode({
        ...common,
        node: name,
        makeCompute,
        workers: options.workers,
        scratch: this.#baseDir,
      }),
    );
  }

  coordinator(
    spec: RunSpec,
    run = "r1",
    name = `coordinator-${run}`,
    threads = 1,
  ): Started<Report | undefined> {
    return this.#coordinate(spec, run, name, threads, (report) => {
      if (report && isTaskReport(report)) throw new Error(`run ${run} is of ${report.task}: use runTask`);
      return report;
    });
  }

  /** Coordinates a run to its report, with the nodes that were started. */
  async run(spec: RunSpec, run = "r1"): Promise<Report> {
    const report = await this.drive(this.coordinator(spec, run).ended);
    if (!report) throw new Error(`run ${run} was stopped`);
    return report;
  }

  /** The same of a task that is not classification. */
  async runTask(spec: RunSpec, run = "r1"): Promise<TaskReport> {
    const { ended } = this.#coordinate(spec, run, `coordinator-${run}`, 1, (report) => {
      if (report && isTaskReport(report)) return report;
      throw new Error(`run ${run} gave no report of a task`);
    });
    return this.drive(ended);
  }

  #coordinate<T>(
    spec: RunSpec,
    run: string,
    name: string,
    threads: number,
    of: (report: AnyReport | undefined) => T,
  ): Started<T> {
    const life = new Life();
    return this.#start(name, life, async (common) =>
      of(await runCoordinator({ ...common, node: name, spec, run, threads, baseDir: this.#baseDir })),
    );
  }

  /** Moves the clock until the promise settles, and gives what it gives. */
  async drive<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    const note = (): void => {
      settled = true;
    };
    promise.then(note, note);
    await this.until(() => settled, limitMs);
    return promise;
  }

  /** Moves the clock until the condition holds. */
  async until(condition: () => boolean | Promise<boolean>, limitMs = 600_000): Promise<void> {
    const end = this.clock.now() + limitMs;
    const realEnd = Date.now() + REAL_LIMIT_MS;
    while (!(await condition())) {
      // Reading a file takes no time of this clock, so the clock waits for it.
      while (readsFiles()) await new Promise((resolve) => setImmediate(resolve));
      if (this.clock.now() >= end && Date.now() >= realEnd) {
        const last = this.logged.slice(-12).map((line) => JSON.stringify(line));
        throw new Error(
          `It did not happen within ${limitMs} ms of the clock; logged last:\n${last.join("\n")}`,
        );
      }
      await this.clock.advance(TICK_MS);
    }
  }

  async record(run = "r1"): Promise<RunRecord> {
    const entry = await (await this.bus.kv(buckets.runs)).get(run);
    if (!entry) throw new Error(`there is no run ${run}`);
    return decode(RunRecord, entry.value, run);
  }

  async runState(run = "r1"): Promise<RunState | undefined> {
    const entry = await (await this.bus.kv(buckets.runs)).get(run);
    return entry && decode(RunRecord, entry.value, run).state;
  }

  /** Ends a run from outside, as a node's fault would. */
  async failRun(run: string): Promise<void> {
    await postFault(this.bus, this.clock, `run.${run}`, "test", "told to fail");
  }

  labelLog(): Promise<WriteOnceLog> {
    return this.bus.log(streams.labels.name, streams.labels.filter);
  }

  workQueue(): Promise<WorkQueue> {
    return this.bus.workQueue(streams.work.name, streams.work.filter);
  }

  /** What the label log holds, by subject. */
  async labels(): Promise<Map<string, Uint8Array>> {
    const log = await this.labelLog();
    const found = new Map<string, Uint8Array>();
    for (const subject of await subjectsOf(log, streams.labels.filter)) {
      found.set(subject, (await log.get(subject)) as Uint8Array);
    }
    return found;
  }

  async stop(): Promise<void> {
    const alive = this.#started.filter(({ life }) => !life.dead);
    await this.drive(Promise.all(alive.map(({ stop }) => stop())));
    // Long enough for what a killed node held to come back to its queue.
    await this.clock.advance(20_000);
  }

  expectNothingLeft(): void {
    expect(this.clock.waiting, "timers left behind").toBe(0);
    expect(tf.memory().numTensors, "tensors left behind").toBe(this.#tensors);
    expect(this.#errors, "errors of callbacks").toEqual([]);
  }

  #start<T>(
    name: string,
    life: Life,
    begin: (common: {
      bus: Bus;
      clock: ReturnType<typeof mortalClock>;
      log: Logger;
      signal: AbortSignal;
    }) => Promise<T>,
  ): Started<T> {
    const bus = this.hub.connect(name);
    const stopper = new AbortController();
    const log = pino(
      { base: { node: name } },
      { write: (line) => this.logged.push(JSON.parse(line) as Record<string, unknown>) },
    );
    const ended = begin({
      bus: mortalBus(bus, life),
      clock: mortalClock(this.clock, life),
      log,
      signal: stopper.signal,
    });
    // A test that does not look at how a role ended must not be ended by it.
    ended.catch(() => undefined);
    const stop = async (): Promise<void> => {
      stopper.abort(new Error(`${name} was stopped`));
      await ended.catch(() => undefined);
      await bus.close();
    };
    this.#started.push({ life, stop });
    return { name, ended, stop, kill: () => life.end() };
  }
}
