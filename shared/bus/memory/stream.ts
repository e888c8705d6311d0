import { Wakeup } from "../wakeup.ts";

export interface Stored {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** The clock when it was stored. */
  readonly at: number;
  /** The mark of a key that was deleted. */
  readonly deleted: boolean;
}

/** Numbered messages, at most one a subject: what a log, a work queue and a bucket stand on. */
export class MemoryStream {
  /** Wakes readers after each message. */
  readonly changed = new Wakeup();
  readonly #bySequence: (Stored | undefined)[] = [];
  readonly #bySubject = new Map<string, Stored>();
  #losses = 0;

  /** Stores a message in place of the one that its subject had. */
  store(subject: string, data: Uint8Array, at: number, deleted = false): Stored {
    this.removeSubject(subject);
    const stored = { sequence: this.#bySequence.length + 1, subject, data: data.slice(), at, deleted };
    this.#bySequence.push(stored);
    this.#bySubject.set(subject, stored);
    this.changed.wake();
    return stored;
  }

  last(subject: string): Stored | undefined {
    return this.#bySubject.get(subject);
  }

  at(sequence: number): Stored | undefined {
    return this.#bySequence[sequence - 1];
  }

  /** The first message behind a sequence whose subject passes. */
  after(sequence: number, passes: (subject: string) => boolean): Stored | undefined {
    for (let i = sequence; i < this.#bySequence.length; i++) {
      const stored = this.#bySequence[i];
      if (stored !== undefined && passes(stored.subject)) return stored;
    }
    return undefined;
  }

  get lastSequence(): number {
    return this.#bySequence.length;
  }

  /** Messages whose subject passes, oldest first. */
  select(passes: (subject: string) => boolean): Stored[] {
    return [...this.#bySubject.values()]
      .filter((stored) => passes(stored.subject))
      .sort((a, b) => a.sequence - b.sequence);
  }

  removeSubject(subject: string): void {
    const stored = this.#bySubject.get(subject);
    if (stored === undefined) return;
    this.#bySubject.delete(subject);
    this.#bySequence[stored.sequence - 1] = undefined;
  }

  /** Removes what passes; returns how many went. */
  purge(passes: (subject: string) => boolean): number {
    const gone = this.select(passes);
    for (const stored of gone) this.removeSubject(stored.subject);
    return gone.length;
  }

  /**
   * What a server does that comes back without its latest messages: all behind `sequence` are gone, and their numbers
   * are given again. Returns how many went.
   */
  loseAfter(sequence: number): number {
    const gone = this.select(() => true).filter((stored) => stored.sequence > sequence);
    for (const stored of gone) this.removeSubject(stored.subject);
    this.#bySequence.length = Math.min(sequence, this.#bySequence.length);
    this.#losses++;
    this.changed.wake();
    return gone.length;
  }

  /** How often messages were lost: a reader that compares knows that numbers may mean other messages. */
  get losses(): number {
    return this.#losses;
  }

  size(): { messages: number; bytes: number } {
    let bytes = 0;
    for (const { subject, data } of this.#bySubject.values()) bytes += subject.length + data.length;
    return { messages: this.#bySubject.size, bytes };
  }
}
