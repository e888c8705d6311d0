import type { Clock } from "../../shared/bus/clock.ts";
import type { SimulatedClock } from "./clock.ts";

/** Unwinds what a killed process left standing, once the simulation is over. */
export class Buried extends Error {}

export type Role = "teacher" | "student" | "coordinator";

/**
 * One process of the cluster as the world treats it. It may be killed, as by SIGKILL: it sends and hears nothing more.
 * It may be stopped and continued, as by SIGSTOP: what becomes due meanwhile, and what it is told, waits for it. And it
 * may be cut off from the server for a while: requests wait until it is back, and what was under way is lost.
 *
 *   at work <──freeze, thaw──> frozen
 *   at work <──cut, back────> cut off        either ──kill──> dead ──bury──> unwound
 */
export class SimulatedProcess {
  readonly name: string;
  readonly role: Role;
  readonly world: SimulatedClock;
  /** Time as the process sees it: timers of a frozen one fire late, those of a dead one never. */
  readonly clock: Clock;
  /** Never resolves; rejects with Buried. */
  readonly grave: Promise<never>;
  #dead = false;
  #frozen = false;
  #isCut = false;
  /** How often it was cut off: who compares knows whether it was in between. */
  cuts = 0;
  #bury: () => void = () => undefined;
  readonly #late: (() => void)[] = [];
  readonly #onThaw: (() => void)[] = [];
  readonly #onBack: (() => void)[] = [];
  readonly #onCut = new Set<() => void>();
  readonly #onDeath: (() => void)[] = [];
  readonly #timers = new Set<() => void>();

  constructor(name: string, role: Role, world: SimulatedClock) {
    this.name = name;
    this.role = role;
    this.world = world;
    this.grave = new Promise((_, reject) => {
      this.#bury = () => reject(new Buried(`${name} was killed`));
    });
    this.grave.catch(() => undefined);
    this.clock = {
      now: () => world.now(),
      after: (delayMs, callback) => this.#after(delayMs, callback),
    };
  }

  get dead(): boolean {
    return this.#dead;
  }
  get frozen(): boolean {
    return this.#frozen;
  }
  get isCut(): boolean {
    return this.#isCut;
  }

  kill(): void {
    this.#dead = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const callback of this.#onDeath.splice(0)) callback();
    for (const callback of [...this.#onThaw.splice(0), ...this.#onBack.splice(0)]) {
      this.world.next(callback, this.name);
    }
  }

  /** Lets the code of a dead process end, so that it leaves no open files. */
  bury(): void {
    this.#bury();
  }

  freeze(): void {
    this.#frozen = true;
  }

  /** Timers that are overdue fire first, in their order, as in an event loop that goes on; then it hears what came. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    for (const callback of [...this.#late.splice(0), ...this.#onThaw.splice(0)]) {
      this.world.next(callback, this.name);
    }
  }

  cut(): void {
    this.#isCut = true;
    this.cuts++;
    for (const callback of [...this.#onCut]) callback();
    this.#onCut.clear();
  }

  back(): void {
    this.#isCut = false;
    for (const callback of this.#onBack.splice(0)) this.world.next(callback, this.name);
  }

  onDeath(callback: () => void): void {
    this.#onDeath.push(callback);
  }

  /** Calls back once, when it is cut off. */
  onCut(callback: () => void): () => void {
    this.#onCut.add(callback);
    return () => this.#onCut.delete(callback);
  }

  /** Resolves while the process runs. */
  async awake(): Promise<void> {
    for (;;) {
      if (this.#dead) return this.grave;
      if (!this.#frozen) return;
      await new Promise<void>((resolve) => this.#onThaw.push(resolve));
    }
  }

  /** Resolves while it runs and the server hears it. */
  async reachable(): Promise<void> {
    for (;;) {
      await this.awake();
      if (!this.#isCut) return;
      await new Promise<void>((resolve) => this.#onBack.push(resolve));
    }
  }

  #after(delayMs: number, callback: () => void): () => void {
    if (this.#dead) return () => undefined;
    let cancelled = false;
    const fire = (): void => {
      if (!cancelled && !this.#dead) callback();
    };
    const cancel = this.world.after(
      delayMs,
      () => {
        this.#timers.delete(cancel);
        if (this.#frozen) this.#late.push(fire);
        else fire();
      },
      this.name,
    );
    this.#timers.add(cancel);
    return () => {
      cancelled = true;
      this.#timers.delete(cancel);
      cancel();
    };
  }
}
