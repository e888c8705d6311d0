import { DiscardPolicy, nanos, type RetentionPolicy, StorageType, type StreamConfig } from "nats";
import { BusUnsuitable } from "../errors.ts";
import { checkFilter, checkInside, checkPayload, checkSubject } from "../names.ts";
import { covers } from "../subjects.ts";
import { getDirect } from "./direct.ts";
import { isNotFound, isSubjectTaken, serverCode, serverCodeOf } from "./errors.ts";
import type { Link } from "./link.ts";
import { persist } from "./retry.ts";

/** What a message may need beside its payload: the headers that the bus adds. */
export const headerRoomBytes = 512;

export function maxPayloadBytes(link: Link): number {
  return (link.nc.info?.max_payload ?? 1024 * 1024) - headerRoomBytes;
}

/** The part of a stream's configuration that everything here shares. */
export function streamConfig(
  name: string,
  subjects: string[],
  more: Partial<StreamConfig>,
): Partial<StreamConfig> {
  return {
    name,
    subjects,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    allow_direct: true,
    ...more,
  };
}

/** One message a subject, and the second refused. */
export function writeOnceConfig(
  name: string,
  filter: string,
  retention: RetentionPolicy,
): Partial<StreamConfig> {
  return streamConfig(name, [filter], {
    retention,
    max_msgs_per_subject: 1,
    discard_new_per_subject: true,
  });
}

/**
 * Opens a stream, creates it if it is absent.
 * @throws BusUnsuitable when a stream of that name exists and works otherwise
 */
export async function ensureStream(link: Link, config: Partial<StreamConfig>): Promise<void> {
  const name = config.name as string;
  await persist(link, `open the stream ${name}`, async () => {
    const found = await lookUp(link, name);
    if (found !== undefined) return expectConfig(link, found, config);
    try {
      await link.jsm.streams.add(config);
    } catch (error) {
      // Somebody else created it in between.
      if (serverCodeOf(error) !== serverCode.streamNameInUse) throw error;
      const other = await lookUp(link, name);
      if (other !== undefined) expectConfig(link, other, config);
    }
  });
}

async function lookUp(link: Link, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await link.jsm.streams.info(name)).config;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function expectConfig(link: Link, seen: StreamConfig, expected: Partial<StreamConfig>): void {
  const decisive = [
    "subjects",
    "retention",
    "max_msgs_per_subject",
    "discard",
    "discard_new_per_subject",
  ] as const;
  for (const field of decisive) {
    if (expected[field] === undefined) continue;
    const want = JSON.stringify(expected[field]);
    const have = JSON.stringify(seen[field]);
    if (want === have) continue;
    throw new BusUnsuitable(
      `Cannot use the stream ${expected.name} at ${link.options.address}: its ${field} is ${have}, expected ${want}. Another program or version made it; delete it with "nats stream rm ${expected.name}", or use another server`,
      { fields: { stream: expected.name, field, seen: have, expected: want } },
    );
  }
}

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
        await this.link.js.publish(subject, data, { expect: { streamName: this.name } });
        return true;
      } catch (error) {
        if (isSubjectTaken(error)) return false;
        throw error;
      }
    });
  }

  get(subject: string): Promise<Uint8Array | undefined> {
    checkSubject(subject);
    if (!covers(this.filter, subject)) return Promise.resolve(undefined);
    return persist(this.link, `read "${subject}"`, async (again) => {
      if (again) await this.#restore();
      return (await getDirect(this.link, this.name, { subject }))?.data;
    });
  }

  /** A server that lost its disk has no stream to answer for the subject. */
  async #restore(): Promise<void> {
    if ((await lookUp(this.link, this.name)) === undefined) await this.link.jsm.streams.add(this.config);
  }

  subjects(filter: string): Promise<string[]> {
    checkFilter(filter);
    return listSubjects(this.link, this.name, filter);
  }

  purge(filter: string): Promise<number> {
    this.check(filter);
    return persist(this.link, `purge "${filter}" in ${this.name}`, async () => {
      return (await this.link.jsm.streams.purge(this.name, { filter })).purged;
    });
  }
}

export function listSubjects(link: Link, stream: string, filter: string): Promise<string[]> {
  return persist(link, `list "${filter}" in ${stream}`, async () => {
    // The client library asks for further pages where the list is longer than one answer may be.
    const info = await link.jsm.streams.info(stream, { subjects_filter: filter });
    return Object.keys(info.state.subjects ?? {});
  });
}

/** Nanoseconds, the server's unit, from milliseconds. */
export const ns = (ms: number): number => nanos(ms);
