import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { connect, type JetStreamManager } from "nats";

/** What a server holds, by name: how many of it. */
export type Contents = ReadonlyMap<string, number>;

/**
 * Counts the consumers and keys of each stream by the server's own answers, and files by those of its store. Message
 * blocks are left out of the files: their number follows from what streams hold.
 */
export async function serverContents(url: string, storeDir: string): Promise<Contents> {
  const nc = await connect({ servers: url });
  try {
    const jsm = await nc.jetstreamManager();
    const found = new Map<string, number>();
    const names: string[] = [];
    for await (const { config } of jsm.streams.list()) names.push(config.name);
    found.set("streams", names.length);
    for (const name of names.sort()) {
      found.set(`consumers of ${name}`, await countConsumers(jsm, name));
      if (name.startsWith("KV_") || name.startsWith("OBJ_"))
        found.set(`keys of ${name}`, await countKeys(jsm, name));
    }
    for (const [stream, files] of countFiles(storeDir)) found.set(`files of ${stream}`, files);
    return found;
  } finally {
    await nc.close();
  }
}

/** The least of each over several looks: what comes and goes, as the consumer of a listing, is no leak. */
export function leastOf(looks: readonly Contents[]): Contents {
  const names = new Set(looks.flatMap((look) => [...look.keys()]));
  return new Map([...names].map((name) => [name, Math.min(...looks.map((look) => look.get(name) ?? 0))]));
}

async function countConsumers(jsm: JetStreamManager, stream: string): Promise<number> {
  let consumers = 0;
  for await (const _ of jsm.consumers.list(stream)) consumers++;
  return consumers;
}

async function countKeys(jsm: JetStreamManager, stream: string): Promise<number> {
  const info = await jsm.streams.info(stream, { subjects_filter: ">" });
  return Object.keys(info.state.subjects ?? {}).length;
}

function countFiles(storeDir: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of readdirSync(storeDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = relative(storeDir, join(entry.parentPath, entry.name));
    const [, stream = "the server"] = /streams\/([^/]+)\//.exec(path) ?? [];
    if (/\/msgs\//.test(path)) continue;
    counts.set(stream, (counts.get(stream) ?? 0) + 1);
  }
  return counts;
}
