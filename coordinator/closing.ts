import type { Quorum } from "../shared/config/ensembleSpec.ts";
import type { ChunkDecision } from "../shared/protocol/decisions.ts";
import type { ChunkKey } from "../shared/protocol/subjects.ts";
import type { MissingChunk } from "./missingLabels.ts";

/** A chunk of a run, whoever labels it. */
export type ChunkPlace = Omit<ChunkKey, "labelling">;

export interface Closed extends ChunkPlace, Pick<ChunkDecision, "present" | "by"> {
  /** What was not waited for. */
  readonly late: readonly MissingChunk[];
}

export interface ClosingOptions {
  readonly chunks: readonly ChunkPlace[];
  /** One a teacher of the run, in its order; teachers may share one. */
  readonly labellings: readonly string[];
  /** What the log lacks of the chunks. */
  readonly missing: readonly MissingChunk[];
  readonly quorum: Quorum;
  /** Whether nobody will ever give these labels. */
  readonly isGivenUp: (key: ChunkKey) => boolean;
}

interface OpenChunk extends ChunkPlace {
  /** By labelling, what is still to come. */
  readonly missing: Map<string, MissingChunk>;
  /** By labelling, when it was queued. */
  readonly queuedAtMs: Map<string, number>;
}

// open ──labels of every teacher────────────────────> closed with all
//   └──nobody else is waited for, quorum reached────> closed with those present
//   └──nobody else is waited for, below quorum──────> closed without targets
/**
 * Which chunks of a run with a quorum can be closed. A labelling is silent when nothing of it came for `deadlineS`: one
 * that answers is waited for, however far others are ahead of it or the log was filled before. Of a silent one a chunk
 * is waited for
 * - until it has been in the queue for `deadlineS`, as long as somebody serves the labelling, or the chunk has no quorum;
 * - no longer, where nobody serves it and the chunk has its quorum.
 * The time of a labelling starts when it is first served; of one that nobody serves, when another one is.
 */
export class Closing {
  readonly #labellings: readonly string[];
  readonly #quorum: Quorum;
  readonly #isGivenUp: ClosingOptions["isGivenUp"];
  readonly #open = new Map<string, OpenChunk>();
  /** What a decision promises and the log lacks, by chunk: decided before, and lost since. */
  readonly #owed = new Map<string, Set<string>>();
  readonly #everServed = new Set<string>();
  #serving: ReadonlySet<string> = new Set();
  /** By labelling: its last answer, or the start of its time. */
  readonly #heardAtMs = new Map<string, number>();

  constructor({ chunks, labellings, missing, quorum, isGivenUp }: ClosingOptions) {
    this.#labellings = labellings;
    this.#quorum = quorum;
    this.#isGivenUp = isGivenUp;
    for (const place of chunks) {
      this.#open.set(nameOf(place), { ...place, missing: new Map(), queuedAtMs: new Map() });
    }
    for (const one of missing) this.#open.get(nameOf(one.key))?.missing.set(one.key.labelling, one);
  }

  /** Whether all chunks are closed. */
  get closed(): boolean {
    return this.#open.size === 0;
  }

  /** Whether all are closed, and the log has what their decisions promise. */
  get settled(): boolean {
    return this.closed && this.#owed.size === 0;
  }

  /** Whether somebody waits for these labels. */
  wants(key: ChunkKey): boolean {
    const name = nameOf(key);
    return (
      this.#open.get(name)?.missing.has(key.labelling) ?? this.#owed.get(name)?.has(key.labelling) ?? false
    );
  }

  queued({ key }: Pick<MissingChunk, "key">, nowMs: number): void {
    const chunk = this.#open.get(nameOf(key));
    if (chunk && !chunk.queuedAtMs.has(key.labelling)) chunk.queuedAtMs.set(key.labelling, nowMs);
  }

  answered({ key }: Pick<MissingChunk, "key">, nowMs: number): void {
    const name = nameOf(key);
    this.#heardAtMs.set(key.labelling, nowMs);
    this.#open.get(name)?.missing.delete(key.labelling);
    const owed = this.#owed.get(name);
    owed?.delete(key.labelling);
    if (owed?.size === 0) this.#owed.delete(name);
  }

  /** Which labellings nodes serve now. */
  served(serving: ReadonlySet<string>, nowMs: number): void {
    this.#serving = serving;
    const ours = this.#labellings.filter((labelling) => serving.has(labelling));
    for (const labelling of ours) {
      if (!this.#everServed.has(labelling)) this.#heardAtMs.set(labelling, nowMs);
      this.#everServed.add(labelling);
    }
    if (ours.length === 0) return;
    for (const labelling of this.#labellings) {
      if (!this.#heardAtMs.has(labelling)) this.#heardAtMs.set(labelling, nowMs);
    }
  }

  /** Nothing was heard of anybody for a while, and none of them is to blame: all time starts anew. */
  restart(nowMs: number): void {
    for (const labelling of this.#heardAtMs.keys()) this.#heardAtMs.set(labelling, nowMs);
    for (const { queuedAtMs } of this.#open.values()) {
      for (const labelling of queuedAtMs.keys()) queuedAtMs.set(labelling, nowMs);
    }
  }

  /** What can be closed now; it stays open until `close`. */
  due(nowMs: number): Closed[] {
    const found: Closed[] = [];
    const long = (sinceMs: number | undefined): boolean =>
      sinceMs !== undefined && nowMs - sinceMs >= this.#quorum.deadlineS * 1000;
    for (const { shard, view, chunk, missing, queuedAtMs } of this.#open.values()) {
      const present = this.#labellings.flatMap((labelling, place) => (missing.has(labelling) ? [] : [place]));
      const enough = present.length >= this.#quorum.teachers;
      const late = [...missing.values()];
      const isWaitedFor = ({ key }: MissingChunk): boolean => {
        if (this.#isGivenUp(key)) return false;
        if (!long(this.#heardAtMs.get(key.labelling))) return true;
        const gone = enough && !this.#serving.has(key.labelling);
        return !gone && !long(queuedAtMs.get(key.labelling));
      };
      if (late.some(isWaitedFor)) continue;
      found.push({ shard, view, chunk, present, by: late.length === 0 ? "all" : "deadline", late });
    }
    return found;
  }

  /** A decision stands, of this coordinator or of one before it. */
  close({ present, ...place }: ChunkPlace & Pick<ChunkDecision, "present">): void {
    const name = nameOf(place);
    const missing = this.#open.get(name)?.missing;
    this.#open.delete(name);
    const promised = present.map((teacher) => this.#labellings[teacher] as string);
    const owed = new Set(promised.filter((labelling) => missing?.has(labelling)));
    if (owed.size > 0) this.#owed.set(name, owed);
  }
}

function nameOf({ shard, view, chunk }: ChunkPlace): string {
  return `${shard}/${view}/${chunk}`;
}
