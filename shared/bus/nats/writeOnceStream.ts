import { RetentionPolicy, type StreamConfig } from "nats";
import { checkFilter, checkInside, checkPayload, checkSubject } from "../names.ts";
import { covers } from "../subjects.ts";
import { type Found, getDirect } from "./direct.ts";
import { isFull, isSubjectTaken } from "./errors.ts";
import type { Link } from "./link.ts";
import { purge } from "./purge.ts";
import { persist } from "./retry.ts";
import { store } from "./store.ts";
import { ensureStream, lookUp, maxPayloadBytes, streamConfig } from "./stream.ts";

/** What a write-once log and a work queue do alike to the stream they stand on. */
export class WriteOnceStream {
  readonly link: Link;
  readonly name: string;
  readonly filter: string;
  readonly config: Partial<StreamConfig>;

  constructor(link: Link, name: string, filter: string, retention: RetentionPolicy) {
    this.link = link;
    this.name = name;
    this.filter = filter;
    this.config = writeOnceConfig(name, filter, retention);
  }

  ensure(): Promise<void> {
    return ensureStream(this.link, this.config);
  }

  /** Checks a filter and that it lies inside the stream. @throws InvalidName */
  check(filter: string): void {
    checkFilter(filter);
    checkInside(this.name, this.filter, filter);
  }

  /** Stores a message; says false when the subject has one. */
  add(subject: string, data: Uint8Array): Promise<boolean> {
    checkSubject(subject);
    checkInside(this.name, this.filter, subject);
    checkPayload(subject, data.length, maxPayloadBytes(this.link));
    return persist(this.link, `append to "${subject}"`, async (again) => {
      if (again) await this.#restore();
      try {
        await store(this.link, this.name, subject, data);
        return true;
      } catch (error) {
        if (isSubjectTaken(error)) return false;
        // A full server does not look whether the subject is taken.
        if (isFull(error) && (await getDirect(this.link, this.name, { subject })) !== undefined) return false;
        throw error;
      }
    });
  }

  async get(subject: string): Promise<Uint8Array | undefined> {
    return (await this.#find(subject))?.data;
  }

  /** The server has no way to tell without the message; where there is none, as of most that are asked for, the answer is short. */
  async has(subject: string): Promise<boolean> {
    return (await this.#find(subject)) !== undefined;
  }

  async #find(subject: string): Promise<Found | undefined> {
    checkSubject(subject);
    if (!covers(this.filter, subject)) return undefined;
    return persist(this.link, `read "${subject}"`, async (again) => {
      if (again) await this.#restore();
      return getDirect(this.link, this.name, { subject });
    });
  }

  /** A server that lost its disk has no stream to answer for the subject. */
  async #restore(): Promise<void> {
    if ((await lookUp(this.link, this.name)) === undefined) await this.link.jsm.streams.add(this.config);
  }

  purge(filter: string): Promise<number> {
    this.check(filter);
    const workQueue = this.config.retention === RetentionPolicy.Workqueue;
    const everything = covers(filter, this.filter);
    return purge(this.link, { stream: this.name, filter, everything, workQueue });
  }
}

/** One message a subject, and the second refused. */
function writeOnceConfig(name: string, filter: string, retention: RetentionPolicy): Partial<StreamConfig> {
  return streamConfig(name, [filter], {
    retention,
    max_msgs_per_subject: 1,
    discard_new_per_subject: true,
  });
}
