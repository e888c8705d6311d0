import { DiscardPolicy, nanos, StorageType, type StreamConfig } from "nats";
import { BusUnsuitable } from "../errors.ts";
import { isNotFound, serverCode, serverCodeOf } from "./errors.ts";
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

/** The configuration of a stream, or undefined when there is none. */
export async function lookUp(link: Link, name: string): Promise<StreamConfig | undefined> {
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

export function listSubjects(link: Link, stream: string, filter: string): Promise<string[]> {
  return persist(link, `list "${filter}" in ${stream}`, async () => {
    // The client library asks for further pages where the list is longer than one answer may be.
    const info = await link.jsm.streams.info(stream, { subjects_filter: filter });
    return Object.keys(info.state.subjects ?? {});
  });
}

/** Nanoseconds, the server's unit, from milliseconds. */
export const ns = (ms: number): number => nanos(ms);
