import { type Rng, rng } from "../../shared/determinism/rng.ts";
import type { Action, FaultPlan, PlannedFault } from "./faultPlan.ts";
import { faultText } from "./faultPlan.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Trace } from "./trace.ts";

/** How one request fares. */
export interface Fate {
  readonly requestMs: number;
  readonly responseMs: number;
  /** It lands, and its acknowledgement does not come. */
  readonly lost: boolean;
}

const USUAL_MS = 4;

/** Carries out a plan: says how each request fares, and has faults done when it is their time. */
export class Faults {
  readonly #plan: FaultPlan;
  readonly #draws: Rng;
  readonly #trace: Trace;
  readonly #act: (action: Action, on: SimulatedProcess) => void;
  /** Of faults at requests, those that have not struck, with how often their request has come. */
  readonly #pending: { fault: PlannedFault; seen: number }[];
  readonly full = new Set<"labels" | "work">();
  /** What has struck, with its time. */
  readonly struck: string[] = [];

  /** @param act does what a fault does to a process */
  constructor(
    plan: FaultPlan,
    seed: number,
    trace: Trace,
    act: (action: Action, on: SimulatedProcess) => void,
  ) {
    this.#plan = plan;
    this.#draws = rng(seed, "fates");
    this.#trace = trace;
    this.#act = act;
    this.#pending = plan.faults
      .filter(({ trigger }) => trigger.kind === "request")
      .map((fault) => ({ fault, seen: 0 }));
  }

  /** Called before a request is sent: what happens to the process now is done. */
  before(on: SimulatedProcess, request: string): Fate {
    const lost = this.#strike(on, request, "before");
    return {
      requestMs: this.delayMs(),
      responseMs: this.delayMs(),
      lost: lost || this.happens(this.#plan.lostShare),
    };
  }

  after(on: SimulatedProcess, request: string): void {
    this.#strike(on, request, "after");
  }

  duplicates(): boolean {
    return this.happens(this.#plan.duplicateShare);
  }

  happens(share: number): boolean {
    return share > 0 && this.#draws.uniform() < share;
  }

  note(fault: PlannedFault, on: string): void {
    const text = `${faultText(fault)} -> ${on}`;
    this.#trace.add("fault", text);
    this.#trace.count(fault.action.kind);
    this.struck.push(text);
  }

  /** @returns whether the request's acknowledgement is lost */
  #strike(on: SimulatedProcess, request: string, when: "before" | "after"): boolean {
    let lost = false;
    for (const pending of [...this.#pending]) {
      const { trigger, action } = pending.fault;
      if (trigger.kind !== "request" || trigger.role !== on.role || trigger.request !== request) continue;
      if (trigger.when !== when || ++pending.seen < trigger.nth) continue;
      this.#pending.splice(this.#pending.indexOf(pending), 1);
      this.note(pending.fault, `${on.name} at ${on.world.now()} ms`);
      if (action.kind === "lose acknowledgement") lost = true;
      else this.#act(action, on);
    }
    return lost;
  }

  /** Of one message on its way. */
  delayMs(): number {
    const { spikeShare, spikeMs } = this.#plan;
    return this.happens(spikeShare) ? this.#draws.below(spikeMs + 1) : this.#draws.below(USUAL_MS + 1);
  }
}
