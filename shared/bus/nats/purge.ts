import { getDirect } from "./direct.ts";
import { serverCode, serverCodeOf } from "./errors.ts";
import { follow } from "./follow.ts";
import type { Link } from "./link.ts";
import { persist } from "./retry.ts";
import { listSubjects } from "./stream.ts";
import { compareVersion } from "./version.ts";

/** Since this version a purge with a filter gives the bytes back to JetStream's limits (nats-server #3876). */
const purgeAccounts = [2, 9, 15];
const deletionsInFlight = 64;

export interface PurgeOptions {
  stream: string;
  filter: string;
  /** The filter takes in all that the stream may hold. */
  everything: boolean;
  workQueue: boolean;
}

/**
 * Deletes what matches, and returns how many messages went. An old server counts messages purged by a filter as
 * stored until it is restarted, so that a full store would stay full: there they are deleted one by one.
 */
export async function purge(
  link: Link,
  { stream, filter, everything, workQueue }: PurgeOptions,
): Promise<number> {
  const action = `purge "${filter}" in ${stream}`;
  const old = compareVersion(link.nc.info?.version ?? "", purgeAccounts) < 0;
  if (everything || !old) {
    return persist(link, action, async () => {
      return (await link.jsm.streams.purge(stream, everything ? undefined : { filter })).purged;
    });
  }
  const found = await (workQueue ? queued(link, stream, filter) : stored(link, stream, filter));
  let purged = 0;
  for (let first = 0; first < found.length; first += deletionsInFlight) {
    const window = found.slice(first, first + deletionsInFlight);
    const gone = await Promise.all(
      window.map((sequence) => persist(link, action, () => deleteMessage(link, stream, sequence))),
    );
    purged += gone.filter(Boolean).length;
  }
  return purged;
}

async function stored(link: Link, stream: string, filter: string): Promise<number[]> {
  const sequences: number[] = [];
  const { signal } = new AbortController();
  for await (const { sequence } of follow(link, {
    stream,
    filter,
    headersOnly: true,
    until: "caught-up",
    signal,
  })) {
    sequences.push(sequence);
  }
  return sequences;
}

/** A work queue cannot be read beside its consumers. */
async function queued(link: Link, stream: string, filter: string): Promise<number[]> {
  const subjects = await listSubjects(link, stream, filter);
  const found = await Promise.all(
    subjects.map((subject) =>
      persist(link, `look up "${subject}"`, () => getDirect(link, stream, { subject })),
    ),
  );
  return found.flatMap((message) => (message === undefined ? [] : [message.sequence]));
}

/** False when it was gone already. */
async function deleteMessage(link: Link, stream: string, sequence: number): Promise<boolean> {
  try {
    return await link.jsm.streams.deleteMessage(stream, sequence, false);
  } catch (error) {
    const code = serverCodeOf(error);
    if (code === serverCode.noMessage || code === serverCode.messageDeleteFailed) return false;
    throw error;
  }
}
