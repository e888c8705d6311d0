import { type Rng, rng } from "../../shared/determinism/rng.ts";

/**
 * What may befall a run, and when. The moments that matter are met by listening on the server's own wire: a message is
 * seen there as it is published, before its acknowledgement is back.
 */
export const faultKinds = {
  "teacher-killed-at-append": "SIGKILL of the teacher node that appends a label, before it has the answer",
  "teacher-killed-in-training": "SIGKILL of the teacher node that trains a teacher",
  "teacher-stopped": "SIGSTOP of a teacher node for longer than a chunk may go unanswered",
  "student-killed-at-checkpoint": "SIGKILL of the student node while it writes a checkpoint",
  "student-killed": "SIGKILL of the student node that trains",
  "student-stopped": "SIGSTOP of the student node for longer than its lease lasts",
  "coordinator-killed": "SIGKILL of the coordinator at work",
  "coordinator-stopped": "SIGSTOP of the coordinator at work for longer than its lease lasts",
  "server-killed": "SIGKILL of nats-server, started again",
  "network-cut": "a node's connection goes dead for some seconds",
} as const;
export type FaultKind = keyof typeof faultKinds;

export interface PlannedFault {
  readonly kind: FaultKind;
  /** After the fault before has passed. */
  readonly afterMs: number;
  /** How long it lasts, where it lasts. */
  readonly lastsMs: number;
  /** For what else is drawn. */
  readonly draw: number;
}

/** A second run of a seed has the same plan, if not the same moments: those depend on what the processes do. */
export function planFaults(seed: number, count: number): PlannedFault[] {
  const random = rng(seed, "chaos");
  const kinds = inTurns(random, count);
  return kinds.map((kind) => ({
    kind,
    afterMs: 300 + random.below(1_500),
    lastsMs: lastsMs(kind, random),
    draw: random.below(1_000),
  }));
}

/** Every kind comes before one comes again; but trainings of teachers are over first, then the labelling: so is what befalls them. */
function inTurns(random: Rng, count: number): FaultKind[] {
  const all = Object.keys(faultKinds) as FaultKind[];
  const kinds: FaultKind[] = [];
  while (kinds.length < count) {
    const round = [...all];
    for (let i = round.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [round[i], round[j]] = [round[j] as FaultKind, round[i] as FaultKind];
    }
    kinds.push(...round);
  }
  const chosen = kinds.slice(0, count);
  const firsts: readonly FaultKind[] = ["teacher-killed-in-training", "teacher-killed-at-append"];
  const early = (kind: FaultKind): number => (firsts.includes(kind) ? firsts.indexOf(kind) : firsts.length);
  return chosen.sort((a, b) => early(a) - early(b));
}

function lastsMs(kind: FaultKind, random: Rng): number {
  switch (kind) {
    case "teacher-stopped":
      return 11_000 + random.below(2_000);
    case "student-stopped":
    case "coordinator-stopped":
      return 4_000 + random.below(3_000);
    case "server-killed":
      return random.below(2_000);
    case "network-cut":
      return 1_000 + random.below(5_000);
    default:
      return 0;
  }
}
