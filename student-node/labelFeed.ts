import { aborted } from "../shared/bus/aborted.ts";
import type { Bus, LogEntry, WriteOnceLog } from "../shared/bus/bus.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { labelOrder, type ViewedChunk } from "../shared/data/labelOrder.ts";
import { checkedLabels } from "../shared/labels/checkedLabels.ts";
import type { ReadAgain } from "../shared/labels/labelStoreReader.ts";
import type { KnownPart, LabelStoreWriter } from "../shared/labels/labelStoreWriter.ts";
import type { ChunkLayout } from "../shared/labels/layout.ts";
import type { DecidedChunk } from "../shared/labels/presence.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";
import type { Labels } from "../shared/protocol/labels.ts";
import type { StoredEncoding } from "../shared/protocol/storedEncoding.ts";
import { parseLabelsSubject, streams, viewLabelsFilter } from "../shared/protocol/subjects.ts";
import { ChunkProgress } from "./chunkProgress.ts";
import { followDecisions } from "./followDecisions.ts";
import { LabelLayouts } from "./labelLayouts.ts";
import { LogAgain } from "./logAgain.ts";

export interface LabelFeedOptions {
  readonly bus: Bus;
  readonly dataset: Dataset;
  readonly labellings: readonly string[];
  /** Of each, what its rows hold beside logits. */
  readonly features: readonly (readonly FeatureLayout[])[];
  /** Hashes of the views that teachers label, by their numbers. */
  readonly views: readonly string[];
  /** Of fresh views the first that somebody still needs, beside the samples themselves; absent: all are read. */
  readonly firstView?: number | undefined;
  readonly chunkSize: number;
  /** Of each, how its logits are stored. */
  readonly encodings: readonly StoredEncoding[];
  readonly store: LabelStoreWriter;
  /** Of fresh views the first that somebody still needs now: those before it leave the store; absent: all stay. */
  firstViewNow?(): Promise<number>;
  /** Of a run with a quorum its id: chunks then wait for its decisions too. */
  readonly decidedFor?: string | undefined;
  /** A decision that came in, to be told to those that read the store. */
  onDecided?(decided: DecidedChunk): void;
  /** Parts that came in, to be told to those that read the store. */
  onParts(parts: readonly KnownPart[]): void;
}

/**
 * Reads the labels that a run needs from the log into the local store, once for all students of the run, and tells
 * how far the labelling has come in the order of dispatch. What the store has no room for is checked and told like all
 * else, and read again when somebody needs it.
 */
export class LabelFeed {
  readonly #options: LabelFeedOptions;
  /** Chunks in the order of dispatch, and how far each has come. */
  readonly #chunks: readonly ViewedChunk[];
  readonly #progress: ChunkProgress;
  readonly #place = new Map<string, number>();
  /** By view, its chunks. */
  readonly #held = new Map<number, ViewedChunk[]>();
  /** By hash, where a shard stands in the dataset; two may have the same content. */
  readonly #places = new Map<string, number[]>();
  readonly #layouts: LabelLayouts;
  readonly #again: LogAgain;
  readonly #seen = new Set<string>();
  #lastView = 0;
  /** Of a run with a quorum: what is wrong with labels of a chunk and teacher that no decision has named yet. */
  readonly #wrong = new Map<string, unknown>();
  readonly #waiting: { count: number; resolve(): void; reject(error: unknown): void }[] = [];
  /** Ends of what is being read again. */
  readonly #reading = new Set<(error: unknown) => void>();
  #complete = 0;
  #failure: unknown;
  bytesRead = 0;
  messagesRead = 0;

  constructor(options: LabelFeedOptions) {
    this.#options = options;
    this.#layouts = new LabelLayouts(options);
    this.#again = new LogAgain(options, this.#layouts);
    this.#chunks = labelOrder(options.dataset, options.chunkSize, options.views.length);
    options.dataset.shards.forEach(({ hash }, place) => {
      this.#places.set(hash, [...(this.#places.get(hash) ?? []), place]);
    });
    const parts = this.#chunks.map((one, place) => {
      const { view, shard, chunk } = one;
      this.#place.set(placeName(view, shard, chunk), place);
      const held = this.#held.get(view) ?? [];
      this.#held.set(view, held);
      held.push(one);
      const past = this.#isPast(view);
      return options.labellings.map((_, k) => (past ? 0 : this.#layouts.chunk(k, shard, chunk).parts.length));
    });
    this.#progress = new ChunkProgress(parts, options.decidedFor !== undefined);
    this.#advance();
  }

  /** Chunks of the run. */
  get total(): number {
    return this.#chunks.length;
  }

  /** Bytes and messages that were read more than once. */
  get readAgain(): { readonly bytes: number; readonly messages: number } {
    return { bytes: this.#again.bytes, messages: this.#again.messages };
  }

  /** Payloads of parts that came in, and that the store has no room for. @throws as `LogAgain.read`; what the reading ended with */
  readonly again: ReadAgain = (parts) => {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      // Nobody may wait for a server that is away when the reading has ended.
      this.#reading.add(reject);
      this.#again
        .read(parts)
        .then(resolve, reject)
        .finally(() => this.#reading.delete(reject));
    });
  };

  /**
   * Reads until `signal` aborts.
   * @throws WrongLabels, MalformedMessage, which also fail everyone who waits: for labels that cannot be used, with a
   * quorum for those alone whose teacher the decision of their chunk names
   */
  async run(signal: AbortSignal): Promise<void> {
    const { bus, labellings } = this.#options;
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    try {
      // Without teachers there is nothing to wait for, and everything is labelled.
      if (labellings.length === 0) await aborted(signal);
      await Promise.all([
        this.#readDecisions(signal),
        ...labellings.map((labelling, teacher) => this.#readTeacher(log, labelling, teacher, signal)),
      ]);
      // Nobody may wait for labels that are no longer read.
      this.#end(signal.reason);
    } catch (error) {
      this.#end(error);
      throw error;
    }
  }

  /** Resolves when the first `count` chunks, in the order of dispatch, have all labels that are used of them. */
  upTo(count: number): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (count <= this.#complete) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ count, resolve, reject });
    });
  }

  #end(reason: unknown): void {
    this.#failure = reason;
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
    for (const reject of this.#reading) reject(reason);
  }

  async #readDecisions(signal: AbortSignal): Promise<void> {
    const { bus, views, labellings, decidedFor, onDecided } = this.#options;
    if (decidedFor === undefined) return;
    for await (const { shard, view: hash, chunk, present } of followDecisions(
      bus,
      decidedFor,
      labellings.length,
      signal,
    )) {
      const view = views.indexOf(hash);
      for (const place of this.#places.get(shard) ?? []) {
        const at = this.#place.get(placeName(view, place, chunk));
        if (at === undefined) continue;
        for (const teacher of present) {
          const wrong = this.#wrong.get(`${at}/${teacher}`);
          if (wrong) throw wrong;
        }
        onDecided?.({ view, shard: place, chunk, present });
        this.#progress.decided(at, present);
      }
      this.#advance();
    }
  }

  /** One view after the other, so that a run of many views has few readers; with a quorum nobody knows when a view ends. */
  async #readTeacher(
    log: WriteOnceLog,
    labelling: string,
    teacher: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { views, decidedFor } = this.#options;
    const read = async (view: number): Promise<void> => {
      if (this.#isPast(view)) return;
      let left = (this.#held.get(view) ?? []).reduce(
        (sum, { shard, chunk }) => sum + this.#layouts.chunk(teacher, shard, chunk).parts.length,
        0,
      );
      if (left === 0) return;
      for await (const entry of log.read(
        viewLabelsFilter({ labelling, view: views[view] as string }),
        signal,
      )) {
        const key = parseLabelsSubject(entry.subject);
        for (const shard of this.#places.get(key.shard) ?? []) {
          if (this.#take(entry, key, teacher, view, shard)) left--;
        }
        if (left === 0 && view < views.length - 1 && decidedFor === undefined) break;
      }
    };
    if (decidedFor !== undefined) await Promise.all(views.map((_, view) => read(view)));
    else for (const view of views.keys()) await read(view);
  }

  /** Whether nobody needs a view any more: its labels may have left the log. */
  #isPast(view: number): boolean {
    return view > 0 && view < (this.#options.firstView ?? 0);
  }

  /** @returns whether it is news */
  #take(
    entry: LogEntry,
    key: ReturnType<typeof parseLabelsSubject>,
    teacher: number,
    view: number,
    shard: number,
  ): boolean {
    const place = this.#place.get(placeName(view, shard, key.chunk));
    // Chunks that this run leaves out may be there for another run; a log read again after a reconnect may repeat.
    const taken = `${teacher}/${shard}/${entry.subject}`;
    if (place === undefined || this.#seen.has(taken)) return false;
    const layout = this.#layouts.chunk(teacher, shard, key.chunk);
    const labels = this.#usable(entry, place, teacher, layout);
    if (!labels) return false;
    if (view > this.#lastView) this.#enterView(view);
    const [from, to] = layout.parts[key.part] as readonly [number, number];
    const known = this.#options.store.append(
      { teacher, view, shard, chunk: key.chunk, from, rows: to - from },
      labels.payload,
    );
    this.#seen.add(taken);
    this.bytesRead += entry.data.byteLength;
    this.messagesRead++;
    this.#options.onParts([known]);
    this.#progress.took(place, teacher);
    this.#advance();
    return true;
  }

  /** Labels of a view come when the students have left an earlier one. */
  #enterView(view: number): void {
    this.#lastView = view;
    const { firstViewNow, store } = this.#options;
    // Where nobody can tell, the store keeps them, within its budget.
    firstViewNow?.().then(
      (first) => store.letGoBefore(first),
      () => undefined,
    );
  }

  #advance(): void {
    while (this.#progress.complete(this.#complete)) this.#complete++;
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const waiting = this.#waiting[i];
      if (waiting && waiting.count <= this.#complete) {
        this.#waiting.splice(i, 1);
        waiting.resolve();
      }
    }
  }

  /** The labels, or undefined where nothing that is wrong with them matters: not yet, or never. */
  #usable(entry: LogEntry, place: number, teacher: number, layout: ChunkLayout): Labels | undefined {
    try {
      return checkedLabels(entry, layout, this.#layouts.row(teacher));
    } catch (error) {
      const needed = this.#progress.needs(place, teacher);
      if (needed) throw error;
      if (needed === undefined) this.#wrong.set(`${place}/${teacher}`, error);
      return undefined;
    }
  }
}

function placeName(view: number, shard: number, chunk: number): string {
  return `${view}/${shard}/${chunk}`;
}
