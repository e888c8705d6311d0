import type { MemoryHub } from "../../shared/bus/memory/hub.ts";
import { matches } from "../../shared/bus/subjects.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { RunRecord } from "../../shared/protocol/run.ts";
import {
  buckets,
  chunksOfLabelWork,
  labelsSubject,
  labelWorkFilter,
  streams,
} from "../../shared/protocol/subjects.ts";
import type { Queued } from "./trace.ts";

/** Something that a run must never do, and did. */
export class Violation extends Error {}

/** Looks into the server, past all clients, after each thing that happens. */
export class Watch {
  readonly #hub: MemoryHub;
  readonly #maxInFlight: number;
  readonly #queued: ReadonlyMap<string, Queued>;
  #runsSequence = 0;
  #fence = 0;
  #looked = "";
  /** Chunks in the queue whose labels were there: they are done with, also where the log then lost these. */
  #labelled = new Set<string>();
  /**
   * Items, by number, that were done when the request that had queued them was sent again, for want of an answer, or when a
   * node that had been handed them a second time handed them on: nobody counts them as in flight, and their labels may be
   * lost since.
   */
  readonly #repeated = new Set<number>();
  /** Chunks that are queued and not labelled. */
  #open = new Set<string>();
  #lastItem = 0;
  /** The most chunks that were queued and not labelled at once. */
  mostInFlight = 0;
  /** Fences that the run's record has had, in their order. */
  readonly fences: number[] = [];

  /** @param queued as the trace has it */
  constructor(hub: MemoryHub, maxInFlight: number, queued: ReadonlyMap<string, Queued>) {
    this.#hub = hub;
    this.#maxInFlight = maxInFlight;
    this.#queued = queued;
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
    const asked = items.flatMap(({ subject, sequence }) =>
      chunksOf(subject).map((chunk) => ({ sequence, chunk })),
    );
    this.#labelled = new Set(
      asked
        .map(({ chunk }) => chunk)
        .filter((chunk) => this.#labelled.has(chunk) || labels.last(chunk) !== undefined),
    );
    for (const { subject, sequence } of items) {
      if (sequence > this.#lastItem && this.#isRepeated(subject)) this.#repeated.add(sequence);
      this.#lastItem = Math.max(this.#lastItem, sequence);
    }
    // One that a node hands on is asked for twice until the item that it was in is done.
    this.#open = new Set(
      asked
        .filter(({ sequence, chunk }) => !this.#labelled.has(chunk) && !this.#repeated.has(sequence))
        .map(({ chunk }) => chunk),
    );
    const open = this.#open.size;
    this.mostInFlight = Math.max(this.mostInFlight, open);
    if (open <= this.#maxInFlight) return;
    throw new Violation(`${open} chunks are in flight, and labels.maxInFlight is ${this.#maxInFlight}`);
  }

  #isRepeated(subject: string): boolean {
    const how = this.#queued.get(subject);
    return (
      how === "again" || (how === "handed on" && !chunksOf(subject).every((chunk) => this.#open.has(chunk)))
    );
  }
}

/** Of each chunk that a work item asks for, the subject of its first part. */
function chunksOf(subject: string): string[] {
  const chunks = chunksOfLabelWork(subject);
  if (chunks.length === 0) throw new Violation(`${subject} names no chunks`);
  return chunks.map((key) => labelsSubject(key, 0));
}
