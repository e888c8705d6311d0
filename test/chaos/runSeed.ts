import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { readReport } from "../../coordinator/report.ts";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import { readRun } from "../../shared/cluster/runRecords.ts";
import { isTaskReport } from "../../shared/evaluate/taskReportSchema.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Event } from "../../shared/protocol/events.ts";
import { jobName } from "../../shared/protocol/jobs.ts";
import type { RunState } from "../../shared/protocol/run.ts";
import { eventsFilter } from "../../shared/protocol/subjects.ts";
import { withNatsServer } from "../helpers/natsServer.ts";
import { type Befallen, befall, type Cluster } from "./befall.ts";
import type { ChaosSpec } from "./chaosSpec.ts";
import type { PlannedFault } from "./faults.ts";
import { Role } from "./role.ts";

const RUN = "chaos";
/** A run that is not over by then never will be. */
const LIMIT_MS = 15 * 60_000;

export interface SeedEnd {
  /** Of all students and baselines. */
  readonly hashes: readonly string[];
  readonly identities: readonly string[];
  readonly befallen: readonly Befallen[];
  /** How often trainings of students were taken up again. */
  readonly resumes: number;
  /** What must not be, in words. */
  readonly problems: readonly string[];
  readonly seconds: number;
}

/** One run of a spec on real processes, over a real server, with faults; without any it is the calm run. */
export async function runSeed(
  written: ChaosSpec,
  faults: readonly PlannedFault[],
  say: (line: string) => void,
): Promise<SeedEnd> {
  const folder = await mkdtemp(join(tmpdir(), "stillhouse-chaos-"));
  const startedAt = Date.now();
  let end: SeedEnd | undefined;
  try {
    await withNatsServer(async (server) => {
      const spec = join(folder, "spec.yaml");
      await writeFile(spec, stringify(written));
      const place = { folder, url: server.url };
      const roles: Role[] = [];
      const bus = await connectNats({ url: server.url, name: "chaos" });
      try {
        for (const name of ["coordinator-a", "coordinator-b"]) {
          roles.push(await Role.start("coordinator", name, [spec, "--run", RUN], place));
        }
        for (const name of ["teacher-a", "teacher-b"])
          roles.push(await Role.start("teacher", name, [], place));
        for (const name of ["student-a", "student-b"])
          roles.push(await Role.start("student", name, [], place));
        const steps = new StepWatch(written.student.checkpointSteps);
        bus.subscribe(eventsFilter, ({ data, subject }) => steps.take(decode(Event, data, subject)));
        end = await under(written, faults, { bus, run: RUN, server, roles }, steps, say, startedAt);
      } finally {
        await Promise.all(roles.map((role) => role.end()));
        await bus.close();
      }
    });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  if (!end) throw new Error("the seed has no end");
  return end;
}

async function under(
  { data, student }: ChaosSpec,
  faults: readonly PlannedFault[],
  cluster: Cluster,
  steps: StepWatch,
  say: (line: string) => void,
  startedAt: number,
): Promise<SeedEnd> {
  const { bus, roles } = cluster;
  const over = new AbortController();
  const ended = untilDone(cluster, startedAt + LIMIT_MS).finally(() => over.abort());
  const befallen: Befallen[] = [];
  const problems: string[] = [];
  await untilState(cluster, ["teaching", "distilling"], ended);
  for (const fault of faults) {
    await sleep(systemClock, fault.afterMs, over.signal);
    if (over.signal.aborted) break;
    const one = await befall(cluster, fault);
    befallen.push(one);
    const at = ((Date.now() - startedAt) / 1000).toFixed(1);
    say(
      `  ${at.padStart(6)} s  ${fault.kind.padEnd(28)} ${one.who ?? "missed"}: ${one.seen}; steps ${steps.text}`,
    );
  }
  const state = await ended;
  const { error, enteredAtMs } = await readRun(bus, RUN);
  if (state !== "done") problems.push(`the run is ${state}: ${error ?? "no error is told"}`);
  if (befallen.length < faults.length)
    problems.push(`the run was over after ${befallen.length} of ${faults.length} faults`);
  for (const { fault, who, seen } of befallen)
    if (who === null) problems.push(`${fault.kind} was missed: ${seen}`);
  for (const { name, kind, ends } of roles) {
    for (const { code, atMs, last } of ends) {
      // A coordinator ends with its run, which may be before this process has seen that the run is over.
      const withItsRun = kind === "coordinator" && code === 0 && atMs >= (enteredAtMs.done ?? Infinity);
      // A node that starts while the server, or its way there, is away says so and ends: it is started again.
      const notConnected = last.startsWith("Cannot connect ") && befallen.some(({ fault }) => cutsOff(fault));
      if (!withItsRun && !notConnected) problems.push(`${name} ended with code ${code}: ${last}`);
    }
  }
  problems.push(...steps.problems);
  const report = state === "done" ? await readReport(bus, RUN) : undefined;
  if (!report || isTaskReport(report)) {
    return {
      hashes: [],
      identities: [],
      befallen,
      resumes: 0,
      problems,
      seconds: (Date.now() - startedAt) / 1000,
    };
  }
  const jobs = report.seeds.flatMap(({ student, baseline }) => (baseline ? [student, baseline] : [student]));
  const perEpoch = Math.ceil((data.train * 0.9) / student.train.batch);
  for (const { steps, lineage } of jobs) {
    if (steps !== perEpoch * student.train.epochs) problems.push(`a student has ${steps} steps`);
    const from = lineage.map(({ fromStep }) => fromStep);
    if (from.some((step, i) => step < (from[i - 1] ?? 0)))
      problems.push(`a lineage goes back: ${from.join(", ")}`);
  }
  return {
    hashes: jobs.map(({ weightsHash }) => weightsHash),
    identities: report.teachers.map(({ identity }) => identity),
    befallen,
    resumes: jobs.reduce((sum, { lineage }) => sum + lineage.length - 1, 0),
    problems,
    seconds: (Date.now() - startedAt) / 1000,
  };
}

function cutsOff({ kind }: PlannedFault): boolean {
  return kind === "server-killed" || kind === "network-cut";
}

/** How far trainings are by their own word, and by how much they fell back when they were taken up again. */
class StepWatch {
  readonly #steps = new Map<string, number>();
  readonly #checkpointSteps: number;
  /** More than a checkpoint apart, in words. */
  readonly problems: string[] = [];

  constructor(checkpointSteps: number) {
    this.#checkpointSteps = checkpointSteps;
  }

  take(event: Event): void {
    if (event.type !== "job-progress") return;
    const name = jobName(event.job);
    const back = (this.#steps.get(name) ?? 0) - event.step;
    if (back > this.#checkpointSteps) {
      this.problems.push(`${name} did ${back} steps again, with a checkpoint every ${this.#checkpointSteps}`);
    }
    this.#steps.set(name, event.step);
  }

  get text(): string {
    return [...this.#steps.values()].join(" ");
  }
}

/** A server that is away is asked again. */
async function untilDone(cluster: Cluster, limit: number): Promise<RunState> {
  for (;;) {
    const state = await stateOf(cluster);
    if (state === "done" || state === "failed" || state === "cancelled") return state;
    if (Date.now() > limit) return state ?? "planned";
    await sleep(systemClock, 250);
  }
}

async function untilState(
  cluster: Cluster,
  states: readonly RunState[],
  ended: Promise<unknown>,
): Promise<void> {
  const over = new AbortController();
  void ended.then(() => over.abort());
  while (!over.signal.aborted) {
    const state = await stateOf(cluster);
    if (state && states.includes(state)) return;
    await sleep(systemClock, 100, over.signal);
  }
}

async function stateOf({ bus, run }: Cluster): Promise<RunState | undefined> {
  try {
    return (await readRun(bus, run)).state;
  } catch {
    // There is no record yet.
    return undefined;
  }
}
