import { createHash } from "node:crypto";
import { headers, JsHeaders, nuid } from "nats";
import type { ObjectStore } from "../bus.ts";
import { checkObjectName } from "../names.ts";
import { corruptObject, nameTaken } from "../refusals.ts";
import { getDirect } from "./direct.ts";
import { serverCode, serverCodeOf } from "./errors.ts";
import { follow } from "./follow.ts";
import type { Link } from "./link.ts";
import { purge } from "./purge.ts";
import { persist } from "./retry.ts";
import { ensureStream, listSubjects, maxPayloadBytes, streamConfig } from "./stream.ts";

/** The note beside an object's chunks, with the field names of NATS object stores. */
interface Note {
  name: string;
  bucket: string;
  /** Names the subject of the chunks. */
  nuid: string;
  size: number;
  chunks: number;
  /** `SHA-256=` and base64 for urls. */
  digest: string;
  deleted?: boolean;
  options?: { max_chunk_size: number };
}

const chunkBytes = 256 * 1024;
const chunksInFlight = 16;

/**
 * A bucket with the layout of NATS object stores, so that its tools can read it: stream `OBJ_<bucket>`, chunks at
 * `$O.<bucket>.C.<nuid>`, a note at `$O.<bucket>.M.<name>`. The library's own implementation hashes in JavaScript
 * and gives up when a connection breaks; this one hashes natively and tries again.
 */
export class NatsObjects implements ObjectStore {
  readonly #link: Link;
  readonly #bucket: string;
  readonly #stream: string;

  static async open(link: Link, bucket: string): Promise<NatsObjects> {
    const objects = new NatsObjects(link, bucket);
    const subjects = [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`];
    await ensureStream(link, streamConfig(objects.#stream, subjects, { allow_rollup_hdrs: true }));
    return objects;
  }

  constructor(link: Link, bucket: string) {
    this.#link = link;
    this.#bucket = bucket;
    this.#stream = `OBJ_${bucket}`;
  }

  async put(name: string, data: Uint8Array): Promise<void> {
    checkObjectName(name);
    const digest = digestOf(data);
    if (await this.#holds(name, digest)) return;
    const stored = await this.#putChunks(name, data);
    if (await this.#putNote({ name, bucket: this.#bucket, size: data.length, digest, ...stored })) return;
    // Somebody else stored the name meanwhile.
    await this.#purge(this.#chunkSubject(stored.nuid));
    await this.#holds(name, digest);
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    checkObjectName(name);
    const found = await this.#note(name);
    if (found === undefined || found.note.deleted) return undefined;
    const { note } = found;
    const parts: Uint8Array[] = [];
    if (note.size > 0) {
      const never = new AbortController();
      const chunks = follow(this.#link, {
        stream: this.#stream,
        filter: this.#chunkSubject(note.nuid),
        headersOnly: false,
        until: "caught-up",
        signal: never.signal,
      });
      for await (const chunk of chunks) parts.push(chunk.data);
    }
    const data = join(parts);
    const digest = digestOf(data);
    if (data.length === note.size && digest === note.digest) return data;
    // Deleted, and perhaps stored anew, while it was read.
    const now = await this.#note(name);
    if (now === undefined || now.note.deleted) return undefined;
    if (now.note.nuid !== note.nuid) return this.get(name);
    const expected = { bytes: note.size, digest: note.digest };
    throw corruptObject(this.#bucket, name, { bytes: data.length, digest }, expected);
  }

  async delete(name: string): Promise<void> {
    checkObjectName(name);
    const found = await this.#note(name);
    if (found === undefined) return;
    await this.#purge(this.#noteSubject(name));
    await this.#purge(this.#chunkSubject(found.note.nuid));
  }

  async names(): Promise<string[]> {
    const prefix = this.#noteSubject("");
    const subjects = await listSubjects(this.#link, this.#stream, `${prefix}*`);
    const names = subjects.map((subject) =>
      Buffer.from(subject.slice(prefix.length), "base64url").toString("utf8"),
    );
    // Other tools leave a note that says "deleted" where this one removes it.
    const notes = await Promise.all(names.map((name) => this.#note(name)));
    return names.filter((_, i) => notes[i] !== undefined && !notes[i].note.deleted);
  }

  /** Whether the name holds these bytes. @throws NameTaken when it holds others */
  async #holds(name: string, digest: string): Promise<boolean> {
    const found = await this.#note(name);
    if (found === undefined || found.note.deleted) return false;
    if (found.note.digest !== digest) throw nameTaken(this.#bucket, name, found.note.digest, digest);
    return true;
  }

  /**
   * Stores the chunks, many at once, which one connection keeps in order. When one of them fails, another may have
   * overtaken it, so all of them go again under another id.
   */
  #putChunks(name: string, data: Uint8Array): Promise<Pick<Note, "nuid" | "chunks" | "options">> {
    const size = Math.min(chunkBytes, maxPayloadBytes(this.#link));
    const chunks = Math.ceil(data.length / size);
    return persist(this.#link, `store the object "${name}"`, async () => {
      const id = nuid.next();
      const send = (chunk: number): Promise<unknown> =>
        this.#link.js.publish(this.#chunkSubject(id), data.subarray(chunk * size, (chunk + 1) * size), {
          expect: { streamName: this.#stream },
        });
      try {
        for (let first = 0; first < chunks; first += chunksInFlight) {
          const count = Math.min(chunksInFlight, chunks - first);
          await Promise.all(Array.from({ length: count }, (_, i) => send(first + i)));
        }
      } catch (error) {
        this.#link.chore(this.#purge(this.#chunkSubject(id)));
        throw error;
      }
      return { nuid: id, chunks, options: { max_chunk_size: size } };
    });
  }

  /** False when the name got a note in between. */
  async #putNote(note: Note): Promise<boolean> {
    return persist(this.#link, `store the object "${note.name}"`, async () => {
      const found = await this.#readNote(note.name);
      if (found !== undefined && !found.note.deleted) return found.note.nuid === note.nuid;
      const marks = headers();
      // Another tool's note that says "deleted" goes.
      if (found !== undefined) marks.set(JsHeaders.RollupHdr, JsHeaders.RollupValueSubject);
      try {
        await this.#link.js.publish(this.#noteSubject(note.name), JSON.stringify(note), {
          headers: marks,
          expect: { streamName: this.#stream, lastSubjectSequence: found?.sequence ?? 0 },
        });
        return true;
      } catch (error) {
        if (serverCodeOf(error) === serverCode.wrongLastSequence) return false;
        throw error;
      }
    });
  }

  #note(name: string): Promise<{ note: Note; sequence: number } | undefined> {
    return persist(this.#link, `look up the object "${name}"`, () => this.#readNote(name));
  }

  async #readNote(name: string): Promise<{ note: Note; sequence: number } | undefined> {
    const found = await getDirect(this.#link, this.#stream, { subject: this.#noteSubject(name) });
    if (found === undefined) return undefined;
    return { note: JSON.parse(Buffer.from(found.data).toString("utf8")) as Note, sequence: found.sequence };
  }

  async #purge(filter: string): Promise<void> {
    await purge(this.#link, { stream: this.#stream, filter, everything: false, workQueue: false });
  }

  #chunkSubject(id: string): string {
    return `$O.${this.#bucket}.C.${id}`;
  }

  #noteSubject(name: string): string {
    return `$O.${this.#bucket}.M.${urlBase64(Buffer.from(name, "utf8"))}`;
  }
}

function digestOf(data: Uint8Array): string {
  return `SHA-256=${urlBase64(createHash("sha256").update(data).digest())}`;
}

/** Base64 for urls with its padding, as NATS writes it; Node's `base64url` has none. */
function urlBase64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
