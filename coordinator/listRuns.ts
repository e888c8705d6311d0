import type { Bus } from "../shared/bus/bus.ts";
import { inBatches } from "../shared/bus/inBatches.ts";
import { coordinatorLease } from "../shared/cluster/followRuns.ts";
import { messageOf } from "../shared/errors.ts";
import { isTaskReport } from "../shared/evaluate/taskReportSchema.ts";
import { decode } from "../shared/protocol/codec.ts";
import { jobsOf } from "../shared/protocol/jobs.ts";
import { isWorkingState, LeaseRecord, RunRecord, type RunState } from "../shared/protocol/run.ts";
import { buckets, jobKeys, PRESENCE_TTL_MS } from "../shared/protocol/subjects.ts";
import { readReport } from "./report.ts";

/** A run as its record, its lease and its results show it. */
export interface ListedRun {
  readonly run: string;
  readonly name: string;
  readonly state: RunState;
  /** Of a run that is paused: where it goes on. */
  readonly pausedIn: RunState | null;
  /** Who coordinates it now; null: nobody, so that a run in a working state is stopped. */
  readonly coordinator: string | null;
  readonly stopped: boolean;
  readonly createdAtMs: number;
  /** When it entered its state first. */
  readonly enteredAtMs: number | null;
  readonly teachers: { readonly ready: number; readonly of: number };
  /** Whether all labels that it needs are there. */
  readonly labelled: boolean;
  readonly trainings: { readonly finished: number; readonly of: number };
  /** Of a classification that is done: mean test accuracy of its students, and of them trained alone. */
  readonly accuracy: { readonly student: number; readonly alone: number | null } | null;
  readonly error: string | null;
}

/** All runs that a server knows, the newest first. @param onBad hears of a record that does not parse */
export async function listRuns(bus: Bus, onBad: (text: string) => void): Promise<ListedRun[]> {
  const runs = await bus.kv(buckets.runs);
  const leases = await bus.kv(buckets.leases, { ttlMs: PRESENCE_TTL_MS });
  const jobs = await bus.kv(buckets.jobs);
  const listed = await inBatches(await runs.keys(">"), async (key): Promise<ListedRun | undefined> => {
    try {
      const entry = await runs.get(key);
      if (!entry) return undefined;
      const record = decode(RunRecord, entry.value, `run record ${key}`);
      const { run, state, spec, teachers, enteredAtMs } = record;
      const lease = await leases.get(coordinatorLease(run));
      const coordinator = lease ? decode(LeaseRecord, lease.value, `lease of ${run}`).holder : null;
      return {
        run,
        name: spec.name,
        state,
        pausedIn: record.pausedIn ?? null,
        coordinator,
        stopped: isWorkingState(state) && coordinator === null,
        createdAtMs: record.createdAtMs,
        enteredAtMs: enteredAtMs[state] ?? null,
        teachers: { ready: teachers.filter(({ ready }) => ready !== null).length, of: teachers.length },
        labelled: record.labelledAtMs !== null,
        trainings: { finished: (await jobs.keys(jobKeys.results(run))).length, of: jobsOf(spec).length },
        accuracy: state === "done" ? await accuracyOf(bus, run) : null,
        error: record.error,
      };
    } catch (error) {
      onBad(messageOf(error));
      return undefined;
    }
  });
  return listed.filter((one) => one !== undefined).sort((a, b) => b.createdAtMs - a.createdAtMs);
}

async function accuracyOf(bus: Bus, run: string): Promise<ListedRun["accuracy"]> {
  const report = await readReport(bus, run);
  if (!report || isTaskReport(report)) return null;
  return { student: report.student.accuracy, alone: report.baseline?.accuracy ?? null };
}
