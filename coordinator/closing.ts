import type { Quorum } from "../shared/config/ensembleSpec.ts";
import type { ChunkDecision } from "../shared/protocol/decisions.ts";
import type { MissingChunk } from "./missingLabels.ts";

/** A chunk of a run, whoever labels it. */
export interface ChunkPlace {
  readonly shard: string;
  readonly chunk: number;
}

export type Closed = ChunkPlace & Pick<ChunkDecision, "present" | "by">;

interface OpenChunk extends ChunkPlace {
  /** Labellings whose labels are still to come. */
  readonly missing: Set<string>;
  /** When the first teacher had labelled it, or when it was looked at and one had. */
  answeredAtMs: number | undefined;
}

// open ──labels of every teacher──> closed with all
//   └──deadline, quorum reached───> closed with those present
//   └──deadline, below quorum─────> closed without targets
/**
 * Which chunks of a run with a quorum can be closed. The clock of a chunk starts with its first answer. One that nobody
 * has answered may only be queued behind others: its clock starts anew with every answer to any chunk, and not before
 * somebody serves a teacher of the run.
 */
export class Closing {
  readonly #labellings: readonly string[];
  readonly #quorum: Quorum;
  readonly #open = new Map<string, OpenChunk>();
  #lastAnswerMs: number | undefined;

  /**
   * @param labellings one a teacher of the run, in its order; teachers may share one
   * @param missing what the log lacks of the chunks
   */
  constructor(
    chunks: readonly ChunkPlace[],
    labellings: readonly string[],
    missing: readonly MissingChunk[],
    quorum: Quorum,
    nowMs: number,
  ) {
    this.#labellings = labellings;
    this.#quorum = quorum;
    for (const place of chunks) {
      this.#open.set(nameOf(place), { ...place, missing: new Set(), answeredAtMs: undefined });
    }
    for (const { key } of missing) this.#open.get(nameOf(key))?.missing.add(key.labelling);
    for (const chunk of this.#open.values()) {
      if (labellings.some((labelling) => !chunk.missing.has(labelling))) chunk.answeredAtMs = nowMs;
    }
  }

  get open(): number {
    return this.#open.size;
  }

  isOpen(place: ChunkPlace): boolean {
    return this.#open.has(nameOf(place));
  }

  answered({ key }: Pick<MissingChunk, "key">, nowMs: number): void {
    this.#lastAnswerMs = nowMs;
    const chunk = this.#open.get(nameOf(key));
    if (!chunk) return;
    chunk.missing.delete(key.labelling);
    chunk.answeredAtMs ??= nowMs;
  }

  /** Somebody serves a teacher of the run. */
  served(nowMs: number): void {
    this.#lastAnswerMs ??= nowMs;
  }

  /** What can be closed now; it stays open until `close`. */
  due(nowMs: number): Closed[] {
    const found: Closed[] = [];
    for (const { shard, chunk, missing, answeredAtMs } of this.#open.values()) {
      const since = answeredAtMs ?? this.#lastAnswerMs;
      const late = since !== undefined && nowMs - since >= this.#quorum.deadlineS * 1000;
      if (missing.size > 0 && !late) continue;
      const present = this.#labellings.flatMap((labelling, place) => (missing.has(labelling) ? [] : [place]));
      found.push({ shard, chunk, present, by: missing.size === 0 ? "all" : "deadline" });
    }
    return found;
  }

  close(place: ChunkPlace): void {
    this.#open.delete(nameOf(place));
  }
}

function nameOf({ shard, chunk }: ChunkPlace): string {
  return `${shard}/${chunk}`;
}
