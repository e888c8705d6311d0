import type { Event } from "../../shared/protocol/events.ts";
import { jobName } from "../../shared/protocol/jobs.ts";
import type { Heartbeat } from "../../shared/protocol/presence.ts";
import type { RunRecord } from "../../shared/protocol/run.ts";

/** One thing that is under way: a training, or the labelling. */
export interface ViewTask {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  /** "samples/s", "chunks/s". */
  readonly rate: number;
  readonly unit: string;
  readonly loss: number | null;
  readonly accuracy: number | null;
  /** In place of accuracy, of other tasks than classification. */
  readonly score?: { readonly name: string; readonly value: number } | undefined;
  /** More for people: how far the labels lag behind. */
  readonly note: string;
  readonly waiting: boolean;
  readonly finished: boolean;
  /** Seconds until it ends, at its rate so far; null while that is not known. */
  readonly etaSeconds: number | null;
}

/** What a person who watches a run sees: made of messages that may be lost, so nothing is decided on it. */
export class RunView {
  readonly #tasks = new Map<string, ViewTask>();
  readonly #notices: string[] = [];
  readonly #problems = new Set<string>();
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #firstSeen = new Map<string, { at: number; done: number }>();
  #record: RunRecord | undefined;
  #nodes: readonly Heartbeat[] = [];

  constructor(now: () => number) {
    this.#now = now;
    this.#startedAt = now();
  }

  takeRecord(record: RunRecord): void {
    this.#record = record;
  }

  takeNodes(nodes: readonly Heartbeat[]): void {
    this.#nodes = nodes;
  }

  takeEvent(event: Event): void {
    switch (event.type) {
      case "teacher-progress":
        this.#task(`teacher ${event.name}`, event, "samples/s", event.samplesPerS, false);
        return;
      case "job-progress":
        this.#task(jobName(event.job), event, "samples/s", event.samplesPerS, event.waiting);
        return;
      case "label-progress": {
        // A full log leaves nothing to do, which is done.
        const [step, total] = event.total === 0 ? [1, 1] : [event.done, event.total];
        const rate = this.#rate("labelling", step);
        const lag = `${total - step} chunks to come, ${event.inFlight} in flight`;
        this.#task("labelling", { step, total, loss: null, accuracy: null }, "chunks/s", rate, false, lag);
        return;
      }
      case "notice":
        this.takeNotice(event.text);
        return;
    }
  }

  takeNotice(text: string): void {
    this.#notices.push(text);
  }

  /** A problem that lasts is met again at each look: it is told once. */
  takeProblem(text: string): void {
    if (this.#problems.has(text)) return;
    this.#problems.add(text);
    this.takeNotice(text);
  }

  /** Notices since the last call. */
  newNotices(): string[] {
    return this.#notices.splice(0);
  }

  get record(): RunRecord | undefined {
    return this.#record;
  }

  get tasks(): readonly ViewTask[] {
    return [...this.#tasks.values()];
  }

  get elapsedSeconds(): number {
    return (this.#now() - this.#startedAt) / 1000;
  }

  nodesOf(role: Heartbeat["role"]): readonly Heartbeat[] {
    return this.#nodes.filter((node) => node.role === role);
  }

  #task(
    name: string,
    {
      step,
      total,
      loss,
      accuracy,
      score,
    }: Pick<ViewTask, "total" | "loss" | "accuracy" | "score"> & { step: number },
    unit: string,
    rate: number,
    waiting: boolean,
    note = "",
  ): void {
    const stepsPerS = this.#rate(name, step);
    const etaSeconds = stepsPerS > 0 ? (total - step) / stepsPerS : null;
    const finished = step >= total;
    this.#tasks.set(name, {
      name,
      done: step,
      total,
      rate,
      unit,
      loss,
      accuracy,
      score,
      note,
      waiting,
      finished,
      etaSeconds,
    });
  }

  /** Mean progress a second since the task was seen first. */
  #rate(name: string, done: number): number {
    const first = this.#firstSeen.get(name);
    if (!first || done < first.done) {
      this.#firstSeen.set(name, { at: this.#now(), done });
      return 0;
    }
    const seconds = (this.#now() - first.at) / 1000;
    return seconds > 0 ? (done - first.done) / seconds : 0;
  }
}
