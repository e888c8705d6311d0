import { createLogUpdate } from "log-update";
import { type Clock, systemClock } from "../../shared/bus/clock.ts";
import { plainTask, screenLine } from "./render.ts";
import type { ViewTask } from "./runView.ts";

const SCREEN_MS = 250;
const LINE_MS = 5_000;

/** How far one long piece of work has come: redrawn in place on a terminal, else a line now and then. */
export class Progress {
  readonly #name: string;
  readonly #unit: string;
  readonly #out: NodeJS.WriteStream;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #screen: ReturnType<typeof createLogUpdate> | undefined;
  #shownAt: number;

  /** @param unit such as "samples/s" */
  constructor(name: string, unit: string, out: NodeJS.WriteStream = process.stderr, clock = systemClock) {
    this.#name = name;
    this.#unit = unit;
    this.#out = out;
    this.#clock = clock;
    this.#startedAt = clock.now();
    // What is over at once shows nothing.
    this.#shownAt = this.#startedAt;
    this.#screen = out.isTTY ? createLogUpdate(out) : undefined;
  }

  update(done: number, total: number): void {
    const now = this.#clock.now();
    if (now - this.#shownAt < (this.#screen ? SCREEN_MS : LINE_MS)) return;
    this.#shownAt = now;
    const rate = done / ((now - this.#startedAt) / 1000);
    const task: ViewTask = {
      ...{ name: this.#name, unit: this.#unit, done, total: Math.max(done, total, 1), rate },
      ...{ loss: null, accuracy: null, note: "", waiting: false, finished: false },
      etaSeconds: rate > 0 ? Math.max(0, total - done) / rate : null,
    };
    if (this.#screen) this.#screen(screenLine(task));
    else this.#out.write(`${plainTask(task)}\n`);
  }

  /** Takes the line away. */
  end(): void {
    this.#screen?.clear();
    this.#screen?.done();
  }
}
