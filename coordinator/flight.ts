import type { WorkQueue } from "../shared/bus/bus.ts";
import { sleep } from "../shared/bus/clock.ts";
import { Wakeup } from "../shared/bus/wakeup.ts";
import { encode } from "../shared/protocol/codec.ts";
import { type ChunkKey, chunksOfLabelWork, labelWorkSubject } from "../shared/protocol/subjects.ts";
import { LabelChunks } from "../shared/protocol/work.ts";
import { chunksTogether } from "./chunkGroups.ts";
import type { Choosy, DispatchOptions } from "./dispatch.ts";
import type { MissingChunk } from "./missingLabels.ts";
import { queueWhenRoom } from "./queueWhenRoom.ts";
import { WaitingChunks } from "./waitingChunks.ts";

/** A work item, by its subject; not queued as long as its message is on its way. */
interface Item {
  readonly subject: string;
  queued: boolean;
}

/** What one item asks for. */
interface Group {
  readonly first: ChunkKey;
  readonly chunks: readonly MissingChunk[];
  readonly item: Item;
}

/** Between two looks at what is wanted. */
const ASK_AGAIN_MS = 500;

// waiting ──taken into a work item──> in flight ──labels of all parts──> done
//    │ └───in quarantine──┐              │ └──comes into quarantine──> aside
//    │                    └──> aside     ├──gone from queue and log──> waiting
//    │                           │       └──nobody wants it──> done
//    │ <──let out────────────────┘
//    └──nobody wants it, or labelled meanwhile──> done
/** The chunks that wait, that are in flight and that are done. */
export class Flight {
  readonly #options: DispatchOptions;
  readonly #queue: WorkQueue;
  readonly #onDone: () => void;
  readonly #open = new Map<string, MissingChunk>();
  readonly #waiting: WaitingChunks;
  readonly #inFlight = new Map<MissingChunk, Item>();
  /** In quarantine, and its subject there: neither waiting nor in flight. */
  readonly #aside = new Map<MissingChunk, string>();
  readonly #room = new Wakeup();
  /** Chunks of the next item. */
  #needed = 1;
  #left: number;

  constructor(options: DispatchOptions, queue: WorkQueue, onDone: () => void) {
    this.#options = options;
    this.#queue = queue;
    this.#onDone = onDone;
    this.#waiting = new WaitingChunks(options.missing);
    this.#left = options.missing.length;
    for (const chunk of options.missing)
      for (const subject of chunk.parts.keys()) this.#open.set(subject, chunk);
    const askedFor = askedForBy(options.pending);
    for (const chunk of options.missing) {
      const by = askedFor.get(labelWorkSubject(chunk.key));
      if (by === undefined || this.#quarantined(chunk) !== undefined) continue;
      this.#waiting.remove(chunk);
      this.#inFlight.set(chunk, { subject: by, queued: true });
      options.choosy?.onQueued(chunk);
    }
  }

  get inFlight(): readonly MissingChunk[] {
    return [...this.#inFlight.keys()];
  }

  /** Queues waiting chunks up to the bound, again and again as there is room, until `signal` aborts. */
  async keepFull(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const groups = this.#next();
      if (groups.length > 0) {
        // Nobody who tells of an arrival waits for the queue: what arrives meanwhile makes room for more at once.
        await Promise.all(groups.map((group) => this.#publish(group, signal)));
        continue;
      }
      if (this.#left === 0) return this.#onDone();
      const more = this.#room.wait(signal);
      if (this.#left === this.#aside.size) await this.#options.onStuck([...new Set(this.#aside.values())]);
      await more;
    }
  }

  /** Takes waiting chunks for which there is room, as many together as one item is to ask for. */
  #next(): Group[] {
    const groups: Group[] = [];
    const { maxInFlight, nodes, alone = false } = this.#options;
    for (;;) {
      const first = this.#waiting.first();
      if (!first) break;
      const fate = this.#fateOf(first);
      if (fate === "queue") {
        const of = { maxInFlight, left: this.#left, nodes: nodes(), chunkBytes: first.bytes };
        const size = alone ? 1 : chunksTogether(of);
        const chunks = this.#waiting.group(size, (chunk) => this.#fateOf(chunk) === "queue");
        this.#needed = chunks.length;
        if (this.#inFlight.size + chunks.length > maxInFlight) break;
        const item = { subject: labelWorkSubject(first.key, chunks.length), queued: false };
        for (const chunk of chunks) {
          this.#waiting.remove(chunk);
          this.#inFlight.set(chunk, item);
        }
        groups.push({ first: first.key, chunks, item });
        continue;
      }
      if (fate === "later") break;
      this.#waiting.remove(first);
      if (fate === "unwanted") this.#forget(first);
      if (fate === "aside") this.#aside.set(first, this.#quarantined(first) as string);
    }
    return groups;
  }

  #fateOf(chunk: MissingChunk): "queue" | "later" | "unwanted" | "aside" | "labelled" {
    // Another run may have had it labelled while it waited here.
    if (chunk.parts.size === 0) return "labelled";
    const wanted = this.#options.choosy?.wants(chunk) ?? true;
    if (wanted === "later") return "later";
    if (!wanted) return "unwanted";
    return this.#quarantined(chunk) === undefined ? "queue" : "aside";
  }

  /** The subject under which a chunk is in quarantine. */
  #quarantined(chunk: MissingChunk): string | undefined {
    const { quarantine } = this.#options;
    const subjects = [labelWorkSubject(chunk.key), this.#inFlight.get(chunk)?.subject];
    return subjects.find((subject) => subject !== undefined && quarantine.has(subject));
  }

  /** Sets aside what comes into quarantine, and queues what is let out, until `signal` aborts. */
  async heedQuarantine(signal: AbortSignal): Promise<void> {
    const { quarantine } = this.#options;
    let version = 0;
    while (!signal.aborted) {
      await quarantine.changedSince(version, signal);
      if (signal.aborted) return;
      version = quarantine.version;
      for (const chunk of this.inFlight) {
        const subject = this.#quarantined(chunk);
        if (subject === undefined) continue;
        this.#inFlight.delete(chunk);
        this.#aside.set(chunk, subject);
      }
      const out = [...this.#aside].filter(([, subject]) => !quarantine.has(subject)).map(([chunk]) => chunk);
      for (const chunk of out) this.#aside.delete(chunk);
      this.#waiting.putBack(out);
      this.#room.wake();
    }
  }

  /** Makes room for what is waited for, and queues what was to be later, until `signal` aborts. */
  async askAgain(choosy: Choosy, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#options.clock, ASK_AGAIN_MS, signal);
      const items = new Set<string>();
      for (const chunk of [...this.inFlight, ...this.#aside.keys()]) {
        if (choosy.wants(chunk) !== false) continue;
        // Alone, where a node has handed on what it did not come to.
        items.add(labelWorkSubject(chunk.key));
        const item = this.#inFlight.get(chunk);
        if (item) items.add(item.subject);
        this.#forget(chunk);
      }
      // An item that asks for what is wanted too stays.
      for (const { subject } of this.#inFlight.values()) items.delete(subject);
      for (const subject of items) await this.#queue.purge(subject);
      this.#room.wake();
    }
  }

  /** Nobody waits for a chunk any more: its labels are no news, should they come. */
  #forget(chunk: MissingChunk): void {
    for (const subject of chunk.parts.keys()) this.#open.delete(subject);
    this.#inFlight.delete(chunk);
    this.#aside.delete(chunk);
    this.#left--;
  }

  async #publish({ first, chunks, item }: Group, signal: AbortSignal): Promise<void> {
    const { clock, onNotice, choosy } = this.#options;
    const work = encode(LabelChunks, { type: "label-chunks", ...first, count: chunks.length });
    const queued = await queueWhenRoom(this.#queue, item.subject, work, clock, onNotice, signal);
    if (!queued) return;
    item.queued = true;
    for (const chunk of chunks) choosy?.onQueued(chunk);
  }

  arrived(subject: string): void {
    const chunk = this.#open.get(subject);
    if (!chunk) return;
    this.#open.delete(subject);
    chunk.parts.delete(subject);
    if (chunk.parts.size > 0) return;
    this.#inFlight.delete(chunk);
    this.#aside.delete(chunk);
    this.#left--;
    this.#options.choosy?.onLabelled(chunk);
    this.#options.onProgress(this.#options.missing.length - this.#left, this.#inFlight.size);
    if (this.#left === 0) this.#onDone();
    // What is asked for at once is the fewer the less is left.
    else if (this.#inFlight.size + this.#needed <= this.#options.maxInFlight) this.#room.wake();
  }

  /** What is in flight, and was in the queue once. */
  queued(): MissingChunk[] {
    return this.inFlight.filter((chunk) => this.#inFlight.get(chunk)?.queued);
  }

  /**
   * Of what was queued, that which is neither pending nor set aside. Its labels may be there.
   * @param pending as it was found after that
   */
  notPending(queued: readonly MissingChunk[], pending: ReadonlySet<string>): MissingChunk[] {
    const askedFor = askedForBy(pending);
    return queued.filter((chunk) => {
      const gone = !askedFor.has(labelWorkSubject(chunk.key)) && this.#quarantined(chunk) === undefined;
      return gone && this.#inFlight.has(chunk);
    });
  }

  /** What of these is in flight still is in neither queue nor log: it waits again, before all others. */
  lost(chunks: readonly MissingChunk[]): void {
    const gone = chunks.filter((chunk) => this.#inFlight.delete(chunk));
    this.#waiting.putBack(gone);
    this.#room.wake();
  }
}

/** What work items ask for: the subject of each chunk alone, and that of the item. */
function askedForBy(subjects: Iterable<string>): Map<string, string> {
  const by = new Map<string, string>();
  for (const subject of subjects) {
    for (const key of chunksOfLabelWork(subject)) by.set(labelWorkSubject(key), subject);
  }
  return by;
}
