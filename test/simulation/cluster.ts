import { tmpdir } from "node:os";
import pino from "pino";
import { runCoordinator } from "../../coordinator/main.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import { MemoryHub } from "../../shared/bus/memory/hub.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { messageOf } from "../../shared/errors.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import { runStudentNode } from "../../student-node/main.ts";
import { runTeacherNode } from "../../teacher-node/main.ts";
import { SimulatedBus } from "./bus/simulatedBus.ts";
import { Wire } from "./bus/wire.ts";
import { SimulatedClock, settled } from "./clock.ts";
import type { Action, FaultPlan, PlannedFault } from "./faultPlan.ts";
import { Faults } from "./faults.ts";
import { type Role, SimulatedProcess } from "./process.ts";
import { LineageStudent, type StepTime } from "./studentCompute.ts";
import { type TeacherTimes, TimedTeacher } from "./teacherCompute.ts";
import { Trace } from "./trace.ts";

export interface ClusterOptions {
  readonly seed: number;
  readonly plan: FaultPlan;
  readonly spec: RunSpec;
  readonly run: string;
  readonly counts: Readonly<Record<Role, number>>;
  readonly teacherTimes?: (node: string) => TeacherTimes;
  readonly stepMs?: StepTime;
  /** Hears every line of the trace. */
  readonly onLine?: (line: string) => void;
  /** The process whose processor time is measured. */
  readonly measured?: string;
  /** A process's bus as a test breaks it. */
  readonly breakBus?: (bus: Bus, role: Role) => Bus;
  /** A student as a test breaks it. */
  readonly makeStudent?: (clock: SimulatedProcess["clock"], stepMs: StepTime) => LineageStudent;
}

/** One start of a role. */
interface Running {
  readonly process: SimulatedProcess;
  readonly stopper: AbortController;
  readonly ended: Promise<void>;
  readonly bus: Bus;
  outcome: "runs" | "ended" | { readonly error: unknown };
}

const STARTS_MS = 300;
const KEPT_LOG_LINES = 40;

/** Coordinators, teacher nodes and student nodes as processes on one bus in memory, and what is done to them. */
export class SimulatedCluster {
  readonly clock: SimulatedClock;
  readonly hub: MemoryHub;
  readonly trace: Trace;
  readonly faults: Faults;
  /** What roles logged last. */
  readonly logged: string[] = [];
  /** What callbacks of the bus threw. */
  readonly errors: unknown[] = [];
  readonly #options: ClusterOptions;
  /** By name, the latest start. */
  readonly #running = new Map<string, Running>();
  readonly #dead: Running[] = [];
  readonly #draws;
  #stopping = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.clock = new SimulatedClock(options.seed, { measured: options.measured });
    this.hub = new MemoryHub({ clock: this.clock, onError: (error) => this.errors.push(error) });
    this.trace = new Trace(this.clock, options.onLine);
    this.faults = new Faults(options.plan, options.seed, this.trace, (action, on) => this.#act(action, on));
    this.#draws = rng(options.seed, "cluster");
  }

  /** Starts everybody within a moment, and what strikes by the clock. */
  start(): void {
    const { counts, plan } = this.#options;
    for (const [role, count] of Object.entries(counts) as [Role, number][]) {
      for (let i = 1; i <= count; i++) {
        this.clock.after(this.#draws.below(STARTS_MS), () => this.#start(role, `${role}-${i}`));
      }
    }
    for (const fault of plan.faults) {
      const { trigger } = fault;
      if (trigger.kind === "time") this.clock.after(trigger.atMs, () => this.#strike(fault));
    }
  }

  /** Whether all coordinators have come to their end. */
  get over(): boolean {
    const coordinators = [...this.#running.values()].filter(({ process }) => process.role === "coordinator");
    return (
      coordinators.length === this.#options.counts.coordinator &&
      coordinators.every(({ outcome }) => outcome === "ended")
    );
  }

  /** Processes that ended though nobody asked them to, in words. */
  endedByThemselves(): string[] {
    return [...this.#running.values()].flatMap(({ process, outcome }) => {
      if (outcome === "runs" || (outcome === "ended" && process.role === "coordinator")) return [];
      return [`${process.name} ended by itself: ${outcome === "ended" ? "" : messageOf(outcome.error)}`];
    });
  }

  /** Heals and stops everybody, and lets what killed processes left standing come to its end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const living = [...this.#running.values()].filter(({ process }) => !process.dead);
    for (const { process } of living) {
      process.thaw();
      process.back();
    }
    this.faults.full.clear();
    for (const { stopper, process } of living) stopper.abort(new Error(`${process.name} was stopped`));
    const stopped = living.map(({ ended }) => ended.catch(() => undefined));
    let left = stopped.length;
    for (const one of stopped) one.then(() => left--);
    await settled();
    const end = this.clock.now() + 60_000;
    while (left > 0 && (await this.clock.step(end)));
    if (left > 0) throw new Error(`${left} processes did not end when they were told to`);
    for (const { process, stopper, bus, ended } of this.#dead) {
      process.bury();
      stopper.abort();
      await bus.close();
      ended.catch(() => undefined);
    }
    for (const { bus } of living) await bus.close();
    // Long enough for what was held to come back to its queue, and for what has a time to live to go.
    await this.clock.advance(30_000);
  }

  describe(): string[] {
    return [...this.#running.values()].map(({ process, outcome }) => {
      const state = [
        process.dead ? "dead" : typeof outcome === "string" ? outcome : "failed",
        ...(process.frozen ? ["frozen"] : []),
        ...(process.isCut ? ["cut off"] : []),
      ];
      return `${process.name}: ${state.join(", ")}`;
    });
  }

  #strike(fault: PlannedFault): void {
    if (this.#stopping) return;
    const { action, role } = fault;
    if (action.kind === "full") {
      this.faults.note(fault, action.stream);
      this.faults.full.add(action.stream);
      this.clock.after(action.ms, () => this.faults.full.delete(action.stream));
    } else if (action.kind === "lose labels") {
      const { messages } = this.hub.logs.get(streams.labels.name)?.stream.size() ?? { messages: 0 };
      const gone = this.hub.loseLatest(streams.labels.name, Math.ceil(messages * action.share));
      this.faults.note(fault, `${gone} of ${messages} labels`);
    } else if (action.kind === "lose work") {
      const gone = this.hub.queues.get(streams.work.name)?.stream.purge(() => true) ?? 0;
      this.faults.note(fault, `${gone} items`);
    } else {
      const candidates = [...this.#running.values()].filter(
        ({ process, outcome }) => process.role === role && !process.dead && outcome === "runs",
      );
      const on = candidates[this.#draws.below(Math.max(1, candidates.length))]?.process;
      if (!on) return;
      this.faults.note(fault, on.name);
      this.#act(action, on);
    }
  }

  #act(action: Action, on: SimulatedProcess): void {
    if (on.dead || this.#stopping) return;
    if (action.kind === "kill") {
      const running = this.#running.get(on.name);
      if (running?.process !== on) return;
      on.kill();
      this.#dead.push(running);
      if (!action.silent) void running.bus.close();
      this.clock.after(action.restartMs, () => this.#start(on.role, on.name));
    } else if (action.kind === "freeze" && !on.frozen) {
      on.freeze();
      this.clock.after(action.ms, () => on.thaw());
    } else if (action.kind === "cut" && !on.isCut) {
      on.cut();
      this.clock.after(action.ms, () => on.back());
    }
  }

  #start(role: Role, name: string): void {
    if (this.#stopping) return;
    const { spec, run, breakBus = (bus: Bus) => bus } = this.#options;
    const process = new SimulatedProcess(name, role, this.clock);
    const bus = this.hub.connect(name);
    const stopper = new AbortController();
    const log = pino({ base: { node: name } }, { write: (line) => void (process.dead || this.#log(line)) });
    const common = {
      bus: breakBus(new SimulatedBus(bus, new Wire(process, this.faults, this.trace)), role),
      clock: process.clock,
      node: name,
      log,
      signal: stopper.signal,
    };
    this.trace.add(name, "starts");
    const ended = this.#begin(role, common, spec, run, process);
    const running: Running = { process, stopper, ended, bus, outcome: "runs" };
    this.#running.set(name, running);
    ended.then(
      () => {
        running.outcome = "ended";
      },
      (error: unknown) => {
        running.outcome = { error };
      },
    );
  }

  async #begin(
    role: Role,
    common: Pick<Parameters<typeof runTeacherNode>[0], "bus" | "clock" | "node" | "log" | "signal">,
    spec: RunSpec,
    run: string,
    process: SimulatedProcess,
  ): Promise<void> {
    const { teacherTimes = drawnTimes, stepMs = drawnStepMs, makeStudent } = this.#options;
    const { clock, node } = common;
    if (role === "teacher") {
      return runTeacherNode({
        ...common,
        compute: new TimedTeacher(clock, teacherTimes(node)),
        checkpointMs: 1_000,
      });
    }
    if (role === "student") {
      const makeCompute = (): LineageStudent => {
        const student = makeStudent?.(clock, stepMs) ?? new LineageStudent(clock, stepMs);
        process.onDeath(() => void student.close());
        return student;
      };
      return runStudentNode({ ...common, makeCompute, scratch: tmpdir() });
    }
    await runCoordinator({ ...common, spec, run, threads: 1, baseDir: "/" });
  }

  #log(line: string): void {
    const { node, level, msg } = JSON.parse(line) as { node: string; level: number; msg: string };
    this.logged.push(`${this.clock.now()} ${node} ${level > 30 ? "! " : ""}${msg}`);
    if (this.logged.length > KEPT_LOG_LINES) this.logged.shift();
  }
}

/** 0.2 to 1.2 s a chunk, by node and chunk; 0.3 to 0.7 s a step of a training. */
function drawnTimes(node: string): TeacherTimes {
  const service = rng(node, "service");
  const steps = rng(node, "steps");
  return {
    predictMs: (labelling, rows) =>
      200 + (service.at(Number.parseInt(labelling.slice(0, 6), 16) + (rows[0] ?? 0)) % 1000),
    stepMs: (step) => 300 + (steps.at(step) % 400),
  };
}

function drawnStepMs(step: number): number {
  return 200 + (rng("student", "steps").at(step) % 300);
}
