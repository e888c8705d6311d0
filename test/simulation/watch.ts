import type { MemoryHub } from "../../shared/bus/memory/hub.ts";
import { matches } from "../../shared/bus/subjects.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { RunRecord } from "../../shared/protocol/run.ts";
import { buckets, labelsSubject, labelWorkFilter, streams } from "../../shared/protocol/subjects.ts";

/** Something that a run must never do, and did. */
export class Violation extends Error {}

/** Looks into the server, past all clients, after each thing that happens. */
export class Watch {
  readonly #hub: MemoryHub;
  readonly #maxInFlight: number;
  readonly #queuedAgain: ReadonlyMap<string, boolean>;
  #runsSequence = 0;
  #fence = 0;
  #looked = "";
  /** Items of the queue, by number, whose labels were there: they are done with, also where the log then lost these. */
  #labelled = new Set<number>();
  /**
   * Items, by number, that were done when the request that had queued them was sent again, for want of an answer: nobody
   * counts them as in flight, and their labels may be lost since.
   */
  readonly #repeated = new Set<number>();
  #lastItem = 0;
  /** The most chunks that were queued and not labelled at once. */
  mostInFlight = 0;
  /** Fences that the run's record has had, in their order. */
  readonly fences: number[] = [];

  /** @param queuedAgain as the trace has it */
  constructor(hub: MemoryHub, maxInFlight: number, queuedAgain: ReadonlyMap<string, boolean>) {
    this.#hub = hub;
    this.#maxInFlight = maxInFlight;
    this.#queuedAgain = queuedAgain;
  }

  /** @throws Violation */
  look(): void {
    this.#lookAtFences();
    this.#lookAtWork();
  }

  #lookAtFences(): void {
    const stream = this.#hub.buckets.get(buckets.runs)?.stream;
    if (!stream || stream.lastSequence === this.#runsSequence) return;
    this.#runsSequence = stream.lastSequence;
    for (const { data, subject } of stream.select(() => true)) {
      const { fence } = decode(RunRecord, data, subject);
      if (fence < this.#fence) {
        throw new Violation(`the record of ${subject} went from fence ${this.#fence} back to ${fence}`);
      }
      if (fence > this.#fence) this.fences.push(fence);
      this.#fence = fence;
    }
  }

  #lookAtWork(): void {
    const work = this.#hub.queues.get(streams.work.name)?.stream;
    const labels = this.#hub.logs.get(streams.labels.name)?.stream;
    if (!work || !labels) return;
    const now = `${work.lastSequence} ${work.size().messages} ${labels.lastSequence} ${labels.losses}`;
    if (now === this.#looked) return;
    this.#looked = now;
    const items = work.select((subject) => matches(labelWorkFilter("*"), subject));
    this.#labelled = new Set(
      items
        .filter(
          ({ subject, sequence }) =>
            this.#labelled.has(sequence) || labels.last(firstLabel(subject)) !== undefined,
        )
        .map(({ sequence }) => sequence),
    );
    for (const { subject, sequence } of items) {
      if (sequence > this.#lastItem && this.#queuedAgain.get(subject)) this.#repeated.add(sequence);
      this.#lastItem = Math.max(this.#lastItem, sequence);
    }
    const open = items.filter(
      ({ sequence }) => !this.#labelled.has(sequence) && !this.#repeated.has(sequence),
    ).length;
    this.mostInFlight = Math.max(this.mostInFlight, open);
    if (open <= this.#maxInFlight) return;
    throw new Violation(`${open} chunks are in flight, and labels.maxInFlight is ${this.#maxInFlight}`);
  }
}

/** The subject of the first part of what a work item asks for. */
function firstLabel(subject: string): string {
  const [, , , labelling = "", shard = "", view = "", chunk = ""] = subject.split(".");
  return labelsSubject({ labelling, shard, view, chunk: Number(chunk) }, 0);
}
