/**
 * What Stillhouse asks of a message bus. Two implementations keep this contract: `nats.ts` over a real server,
 * and `memory.ts` in one process with an injectable clock; `test/bus/contract.ts` runs against both.
 *
 * Rules that hold for all of it:
 * - subjects are dot-separated tokens; filters may use `*` (one token) and a last `>` (one token or more);
 * - a callback that throws ends nothing but itself: the bus hands the error to `BusOptions.onError`;
 * - every method that waits takes an AbortSignal or ends with `close()`;
 * - bytes handed out are the receiver's own: never a view that pins a larger buffer or is reused.
 */
export interface Bus {
  readonly kind: "nats" | "memory";
  /** Where the bus is, for messages to people: `nats://127.0.0.1:4222`, `memory`. Never holds credentials. */
  readonly address: string;
  /** The largest payload that one message may have, in bytes. */
  readonly maxPayloadBytes: number;

  /** Core publish: at most once, to whoever listens now. The bytes are copied. @throws PayloadTooLarge */
  publish(subject: string, data: Uint8Array): void;
  /** Core subscribe. Messages of one publisher arrive in order. */
  subscribe(filter: string, onMessage: (message: CoreMessage) => void): Subscription;

  /** Opens (and creates if it is absent) a write-once log over the subjects `filter`. */
  log(name: string, filter: string): Promise<WriteOnceLog>;
  /** Opens (and creates if it is absent) a work queue over the subjects `filter`. */
  workQueue(name: string, filter: string): Promise<WorkQueue>;
  /** Opens (and creates if it is absent) a key-value bucket; with `ttlMs`, a key vanishes that long after its last write. */
  kv(bucket: string, options?: { ttlMs?: number }): Promise<KeyValue>;
  /** Opens (and creates if it is absent) a bucket of immutable blobs. */
  objects(bucket: string): Promise<ObjectStore>;

  /** Calls back on each change of the connection, with a sentence for people. */
  onStatus(listener: (status: BusStatus) => void): void;
  /** Sends what is pending, ends every subscription and pull, and closes. Idempotent. */
  close(): Promise<void>;
}

export type BusStatus =
  | { kind: "connected"; text: string }
  | { kind: "disconnected"; text: string }
  | { kind: "closed"; text: string };

export interface CoreMessage {
  readonly subject: string;
  readonly data: Uint8Array;
}

export interface Subscription {
  unsubscribe(): void;
}

/** One message a subject, for ever: the first answer stands. */
export interface WriteOnceLog {
  /** Appends, or finds that the subject already has its message. Resolves when the log has acknowledged. */
  append(subject: string, data: Uint8Array): Promise<"appended" | "exists">;
  /** The message of a subject, or undefined. */
  get(subject: string): Promise<Uint8Array | undefined>;
  /** Those of a few subjects that exist now; takes no longer where the log is large. */
  existing(subjects: readonly string[]): Promise<string[]>;
  /**
   * Messages that match, in the order of the log: those that exist, then those that arrive, until `signal` aborts or the
   * bus closes.
   * With `until: "now"` it ends after those that exist, when `signal` aborts, and never as if that were all: a bus that
   * closes before is an error.
   * Reconnects are invisible: no gap, no repetition. Only a server that came back having lost messages is read from
   * its start again, so that nothing it stores anew is missed.
   */
  read(filter: string, signal: AbortSignal, options?: ReadOptions): AsyncIterable<LogEntry>;
  /** Like `read` without the payloads: `data` is empty, `bytes` tells the size of the payload that was left out where the bus knows it. */
  follow(filter: string, signal: AbortSignal, options?: ReadOptions): AsyncIterable<LogEntry>;
  /** Deletes what matches; returns how many messages went. */
  purge(filter: string): Promise<number>;
  size(): Promise<LogSize>;
  /**
   * Resolves when the log could take so many bytes more now, by all limits that the server tells; that reserves nothing.
   * @throws BusFull which says what limits it, and how much there is
   */
  requireRoom(bytes: number): Promise<void>;
}

/** Of the whole log, and the sequence of the last message that it ever had. */
export interface LogSize {
  readonly messages: number;
  readonly bytes: number;
  readonly lastSequence: number;
}

export interface ReadOptions {
  /** Whether a reading goes on with what arrives, as it does where this is absent, or ends with what is there. */
  readonly until?: "for-ever" | "now";
  /** A sequence: what the log had then, by `size`, is passed over; absent: nothing is. */
  readonly after?: number;
}

export interface LogEntry {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly sequence: number;
  /** When the bus stored it, by its own clock. */
  readonly storedAtMs: number;
  /** Size of the payload, also where `follow` left it out; absent where the bus does not know it. */
  readonly bytes?: number;
}

/** A queue where each message is done once: pulled, worked on, acknowledged. */
export interface WorkQueue {
  /** Queues, or finds that this subject is still pending ("exists"). */
  publish(subject: string, data: Uint8Array): Promise<"queued" | "exists">;
  /** Subjects still pending (queued, or pulled and not acknowledged) that match. */
  pending(filter: string): Promise<string[]>;
  /** Deletes pending messages that match; returns how many. */
  purge(filter: string): Promise<number>;
  /**
   * Opens (and creates if it is absent) a durable consumer that all pullers of the same name share.
   * Consumers of one queue must not overlap in their filters.
   */
  consumer(options: WorkConsumerOptions): Promise<WorkConsumer>;
  /** Deletes a durable consumer; pending messages stay. No consumer of that name is no error. */
  deleteConsumer(name: string): Promise<void>;
  /**
   * Calls back with the subject of a message that its consumer hands out no more, after `maxDeliver` deliveries.
   * It is said when a pull meets the message again, once, to those who listen then: a hint, not a record.
   */
  onExhausted(listener: (subject: string) => void): Subscription;
}

export interface WorkConsumerOptions {
  /** Letters, digits, `-` and `_`. */
  name: string;
  filter: string;
  /** A message not acknowledged for this long is handed out again. */
  ackWaitMs: number;
  /** After this many deliveries a message is handed out no more; it stays pending. */
  maxDeliver: number;
}

export interface WorkConsumer {
  /**
   * Asks for up to `max` messages; resolves with those that came within `waitMs` (none is an empty list), as soon
   * as `max` came. A consumer that vanished is created again, and a lost connection ends the wait: neither is an
   * error. When `signal` aborts, what came is handed back to the queue and the list is empty.
   * @param lingerMs what has come waits for what else is at hand, and no longer than this; absent: until `waitMs` are over
   */
  pull(max: number, waitMs: number, signal?: AbortSignal, lingerMs?: number): Promise<WorkItem[]>;
}

export interface WorkItem {
  readonly subject: string;
  readonly data: Uint8Array;
  /** 1 at the first delivery. */
  readonly delivery: number;
  /** Done: removes the message. Resolves when the server has confirmed. Acknowledging a redelivered message twice succeeds. */
  ack(): Promise<void>;
  /** Not done: hand it out again, after `delayMs`. */
  nak(delayMs?: number): void;
  /** Still at it: restarts `ackWaitMs`. */
  working(): void;
  /** Never to be done: removes the message without doing it. */
  term(): void;
}

export interface KeyValue {
  get(key: string): Promise<KvEntry | undefined>;
  /** Writes a key that must not exist. @throws RevisionConflict */
  create(key: string, value: Uint8Array): Promise<number>;
  /** Writes a key whose revision must be `revision`. @throws RevisionConflict */
  update(key: string, value: Uint8Array, revision: number): Promise<number>;
  /** Writes whatever was there. */
  put(key: string, value: Uint8Array): Promise<number>;
  delete(key: string): Promise<void>;
  /** Live keys that match a filter over the key's tokens. */
  keys(filter: string): Promise<string[]>;
  /** The live entries that match now, then every change, until `signal` aborts. Expiry by ttl is not seen: poll for that. */
  watch(filter: string, signal: AbortSignal): AsyncIterable<KvChange>;
}

export interface KvEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: number;
}

/** `value` is undefined when the key was deleted. */
export interface KvChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

export interface ObjectStore {
  /** Stores immutable bytes under a name, usually their hash; storing the same again is a no-op. @throws NameTaken */
  put(name: string, data: Uint8Array): Promise<void>;
  /** The bytes, checked against the digest taken at `put`, or undefined. @throws CorruptObject */
  get(name: string): Promise<Uint8Array | undefined>;
  delete(name: string): Promise<void>;
  names(): Promise<string[]>;
}
