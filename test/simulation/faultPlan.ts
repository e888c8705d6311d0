import { type Rng, rng } from "../../shared/determinism/rng.ts";
import type { Role } from "./process.ts";

/** When a fault strikes: at a time, or at the n-th request of a kind by a role, before it is sent or after it has landed. */
export type Trigger =
  | { readonly kind: "time"; readonly atMs: number }
  | {
      readonly kind: "request";
      readonly role: Role;
      /** As traces have it: "append labels", "update runs". */
      readonly request: string;
      readonly nth: number;
      readonly when: "before" | "after";
    };

export type Action =
  /** SIGKILL, and a new process of that name after a while. `silent`: the machine goes, and the server is not told. */
  | { readonly kind: "kill"; readonly restartMs: number; readonly silent: boolean }
  /** SIGSTOP, and SIGCONT after a while. */
  | { readonly kind: "freeze"; readonly ms: number }
  /** The way to the server is gone for a while. */
  | { readonly kind: "cut"; readonly ms: number }
  /** The request lands, and the process does not hear of it. */
  | { readonly kind: "lose acknowledgement" }
  /** No room for new messages. */
  | { readonly kind: "full"; readonly stream: "labels" | "work"; readonly ms: number }
  /** The server comes back without its latest labels. */
  | { readonly kind: "lose labels"; readonly share: number }
  /** The server comes back with no work. */
  | { readonly kind: "lose work" };

export interface PlannedFault {
  readonly trigger: Trigger;
  /** Of actions on a process, where the trigger names none. */
  readonly role?: Role;
  readonly action: Action;
}

/** All that goes wrong in one simulation. */
export interface FaultPlan {
  /** Share of pulled items that are handed out a second time while the first is worked on. */
  readonly duplicateShare: number;
  /** Share of requests whose acknowledgement is lost. */
  readonly lostShare: number;
  /** Share of messages, to the server or back, that take up to `spikeMs`; others take 0 to 4 ms. */
  readonly spikeShare: number;
  readonly spikeMs: number;
  readonly faults: readonly PlannedFault[];
}

export const calmPlan: FaultPlan = {
  duplicateShare: 0,
  lostShare: 0,
  spikeShare: 0,
  spikeMs: 0,
  faults: [],
};

/** Faults begin within this time: a calm run takes about 20 s. */
const HORIZON_MS = 25_000;
const roles: readonly Role[] = ["teacher", "student", "coordinator"];
/** Moments that are worth a fault, and how often they come in a calm run, roughly. */
const moments: readonly { role: Role; request: string; times: number }[] = [
  { role: "teacher", request: "append labels", times: 30 },
  { role: "teacher", request: "ack work", times: 30 },
  { role: "teacher", request: "create jobs", times: 2 },
  { role: "teacher", request: "update jobs", times: 4 },
  { role: "teacher", request: "store checkpoints", times: 6 },
  { role: "teacher", request: "store weights", times: 2 },
  { role: "teacher", request: "create recipes", times: 2 },
  { role: "student", request: "store checkpoints", times: 6 },
  { role: "student", request: "create jobs", times: 3 },
  { role: "student", request: "update jobs", times: 5 },
  { role: "student", request: "store weights", times: 3 },
  { role: "student", request: "put jobs", times: 5 },
  { role: "student", request: "delete jobs", times: 3 },
  { role: "coordinator", request: "create leases", times: 2 },
  { role: "coordinator", request: "update leases", times: 40 },
  { role: "coordinator", request: "create runs", times: 1 },
  { role: "coordinator", request: "update runs", times: 6 },
  { role: "coordinator", request: "queue work", times: 30 },
  { role: "coordinator", request: "put jobs", times: 1 },
];

/** The faults of a seed. */
export function drawPlan(seed: number): FaultPlan {
  const draws = rng(seed, "faults");
  const faults = Array.from({ length: 2 + draws.below(6) }, () => drawFault(draws));
  return {
    duplicateShare: pick(draws, [0, 0.05, 0.2]),
    lostShare: pick(draws, [0, 0.002, 0.01]),
    spikeShare: pick(draws, [0, 0.01, 0.05]),
    spikeMs: pick(draws, [100, 1000, 3000]),
    faults: bounded(faults),
  };
}

function drawFault(draws: Rng): PlannedFault {
  if (draws.below(2) === 0) {
    const { role, request, times } = pick(draws, moments);
    const nth = 1 + draws.below(times);
    const when = pick(draws, ["before", "after"] as const);
    const trigger: Trigger = { kind: "request", role, request, nth, when };
    if (draws.below(4) === 0) {
      return { trigger: { ...trigger, when: "before" }, action: { kind: "lose acknowledgement" } };
    }
    return { trigger, action: onProcess(draws) };
  }
  const trigger: Trigger = { kind: "time", atMs: draws.below(HORIZON_MS) };
  switch (draws.below(8)) {
    case 0:
      return {
        trigger,
        action: { kind: "full", stream: pick(draws, ["labels", "work"]), ms: draws.below(15_000) },
      };
    case 1:
      return { trigger, action: { kind: "lose labels", share: draws.uniform() } };
    case 2:
      return { trigger, action: { kind: "lose work" } };
    default:
      return { trigger, role: pick(draws, roles), action: onProcess(draws) };
  }
}

function onProcess(draws: Rng): Action {
  switch (draws.below(3)) {
    case 0:
      return { kind: "kill", restartMs: 200 + draws.below(12_000), silent: draws.below(2) === 0 };
    case 1:
      return { kind: "freeze", ms: 200 + draws.below(25_000) };
    default:
      return { kind: "cut", ms: 200 + draws.below(20_000) };
  }
}

/** A chunk is given up after five deliveries, so no more than this may be taken away from teachers. */
const MOST_ON_TEACHERS = 3;

function bounded(faults: readonly PlannedFault[]): PlannedFault[] {
  let left = MOST_ON_TEACHERS;
  return faults.filter(({ trigger, role }) => {
    const onTeacher = trigger.kind === "request" ? trigger.role === "teacher" : role === "teacher";
    return !onTeacher || left-- > 0;
  });
}

function pick<T>(draws: Rng, from: readonly [T, ...T[]] | readonly T[]): T {
  return from[draws.below(from.length)] as T;
}

/** A fault in words. */
export function faultText({ trigger, role, action }: PlannedFault): string {
  const { kind, ...how } = action;
  const details = Object.entries(how).map(([key, value]) => `${key} ${value}`);
  const what = [kind, ...(role ? [`a ${role}`] : []), ...details].join(", ");
  const when =
    trigger.kind === "time"
      ? `at ${trigger.atMs} ms`
      : `${trigger.when} request ${trigger.nth} "${trigger.request}" of a ${trigger.role}`;
  return `${when}: ${what}`;
}
