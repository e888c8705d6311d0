import { headers, type MsgHdrs } from "nats";
import type { KeyValue, KvChange, KvEntry } from "../bus.ts";
import { own, sameBytes } from "../bytes.ts";
import { checkFilter, checkKey, checkPayload } from "../names.ts";
import { revisionConflict } from "../refusals.ts";
import { getDirect } from "./direct.ts";
import { serverCode, serverCodeOf } from "./errors.ts";
import { follow } from "./follow.ts";
import type { Link } from "./link.ts";
import { persist, persistUntil } from "./retry.ts";
import { ensureStream, maxPayloadBytes, ns, streamConfig } from "./stream.ts";

const operation = "KV-Operation";
const nothing = new Uint8Array(0);

interface Stored extends KvEntry {
  deleted: boolean;
}

/**
 * A bucket with the layout of NATS key-value stores, so that its tools can read it: stream `KV_<bucket>`, subject
 * `$KV.<bucket>.<key>`, one message a key; a deletion is an empty message with the header `KV-Operation: DEL`.
 */
export class NatsKv implements KeyValue {
  readonly #link: Link;
  readonly #stream: string;
  readonly #prefix: string;

  static async open(link: Link, bucket: string, ttlMs: number | undefined): Promise<NatsKv> {
    const kv = new NatsKv(link, bucket);
    const age =
      ttlMs === undefined ? {} : { max_age: ns(ttlMs), duplicate_window: ns(Math.min(ttlMs, 120_000)) };
    await ensureStream(
      link,
      streamConfig(kv.#stream, [`${kv.#prefix}>`], {
        max_msgs_per_subject: 1,
        allow_rollup_hdrs: true,
        deny_delete: true,
        ...age,
      }),
    );
    if (ttlMs !== undefined) {
      await persist(link, `set the time to live of the bucket ${bucket}`, async () => {
        const { config } = await link.jsm.streams.info(kv.#stream);
        if (config.max_age !== ns(ttlMs)) await link.jsm.streams.update(kv.#stream, age);
      });
    }
    return kv;
  }

  constructor(link: Link, bucket: string) {
    this.#link = link;
    this.#stream = `KV_${bucket}`;
    this.#prefix = `$KV.${bucket}.`;
  }

  async get(key: string): Promise<KvEntry | undefined> {
    checkKey(key);
    const found = await persist(this.#link, `read the key ${key}`, () => this.#last(key));
    return found === undefined || found.deleted ? undefined : entryOf(found);
  }

  async create(key: string, value: Uint8Array): Promise<number> {
    return this.#write("create", key, value, 0);
  }

  async update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#write("update", key, value, revision);
  }

  async put(key: string, value: Uint8Array): Promise<number> {
    return this.#write("put", key, value, undefined);
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    const deletion = headers();
    deletion.set(operation, "DEL");
    await persist(this.#link, `delete the key ${key}`, () =>
      this.#publish(key, nothing, undefined, deletion),
    );
  }

  async keys(filter: string): Promise<string[]> {
    const keys: string[] = [];
    const never = new AbortController();
    for await (const message of this.#follow(filter, "caught-up", true, never.signal)) {
      if (!isDeletion(message.headers)) keys.push(this.#keyOf(message.subject));
    }
    return keys;
  }

  watch(filter: string, signal: AbortSignal): AsyncIterable<KvChange> {
    checkFilter(filter);
    return this.#changes(filter, signal);
  }

  async *#changes(filter: string, signal: AbortSignal): AsyncGenerator<KvChange> {
    const before = await persistUntil(this.#link, `watch "${filter}"`, signal, async () => {
      return (await this.#link.jsm.streams.info(this.#stream)).state.last_seq;
    });
    if (before === undefined) return;
    for await (const { subject, data, headers: marks, sequence } of this.#follow(
      filter,
      "for-ever",
      false,
      signal,
    )) {
      const deleted = isDeletion(marks);
      // A key that was gone before the watch began is no change.
      if (deleted && sequence <= before) continue;
      yield { key: this.#keyOf(subject), value: deleted ? undefined : own(data), revision: sequence };
    }
  }

  #follow(filter: string, until: "for-ever" | "caught-up", headersOnly: boolean, signal: AbortSignal) {
    checkFilter(filter);
    const options = { stream: this.#stream, filter: this.#prefix + filter, until, headersOnly, signal };
    return follow(this.#link, options);
  }

  #keyOf(subject: string): string {
    return subject.slice(this.#prefix.length);
  }

  /** @param revision what the key's revision must be; 0 for a key that must not exist; undefined for any */
  #write(how: string, key: string, value: Uint8Array, revision: number | undefined): Promise<number> {
    checkKey(key);
    checkPayload(this.#prefix + key, value.length, maxPayloadBytes(this.#link));
    return persist(this.#link, `${how} the key ${key}`, async (again) => {
      try {
        return await this.#publish(key, value, revision);
      } catch (error) {
        if (serverCodeOf(error) !== serverCode.wrongLastSequence || revision === undefined) throw error;
        const found = await this.#last(key);
        if (revision === 0 && found?.deleted) return this.#publishOver(found.revision, how, key, value);
        // Our own write, whose acknowledgement was lost.
        const ours = again && found !== undefined && !found.deleted && found.revision > revision;
        if (ours && sameBytes(found.value, value)) return found.revision;
        throw conflict(how, key, revision, found, error);
      }
    });
  }

  async #publishOver(deletion: number, how: string, key: string, value: Uint8Array): Promise<number> {
    try {
      return await this.#publish(key, value, deletion);
    } catch (error) {
      if (serverCodeOf(error) !== serverCode.wrongLastSequence) throw error;
      throw conflict(how, key, 0, await this.#last(key), error);
    }
  }

  async #publish(key: string, value: Uint8Array, revision?: number, marks?: MsgHdrs): Promise<number> {
    const ack = await this.#link.js.publish(this.#prefix + key, value, {
      expect: {
        streamName: this.#stream,
        ...(revision === undefined ? {} : { lastSubjectSequence: revision }),
      },
      ...(marks === undefined ? {} : { headers: marks }),
    });
    return ack.seq;
  }

  async #last(key: string): Promise<Stored | undefined> {
    const found = await getDirect(this.#link, this.#stream, { subject: this.#prefix + key });
    if (found === undefined) return undefined;
    const { data, sequence, headers: marks } = found;
    return { key, value: data, revision: sequence, deleted: isDeletion(marks) };
  }
}

function isDeletion(marks: MsgHdrs | undefined): boolean {
  return ["DEL", "PURGE"].includes(marks?.get(operation) ?? "");
}

function entryOf({ key, value, revision }: Stored): KvEntry {
  return { key, value, revision };
}

function conflict(how: string, key: string, expected: number, found: Stored | undefined, cause: unknown) {
  return revisionConflict(how, key, expected, found?.deleted ? undefined : found?.revision, cause);
}
