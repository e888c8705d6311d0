import { StillhouseError } from "../../shared/errors.ts";
import { findNatsServer, withoutCredentials } from "../bootstrap/nats-server.mjs";
import { joinServer } from "./joinServer.ts";

export interface ServerChoice {
  nats?: string;
  store: string;
  bus?: "nats" | "memory";
}

export type Place = { kind: "memory"; note: string } | { kind: "nats"; url?: string; binary?: string };

/** The server that is named, else one of this machine, else the memory of this process, which is said plainly. */
export async function chooseBus(options: ServerChoice, say: (line: string) => void): Promise<Place> {
  if (options.bus === "memory") return { kind: "memory", note: "asked for by --bus memory" };
  if (options.nats) return { kind: "nats", url: options.nats };
  const found = await findNatsServer({ log: say });
  switch (found.kind) {
    case "url":
      return { kind: "nats", url: found.url };
    case "binary":
      return { kind: "nats", binary: found.path };
    case "none": {
      if (options.bus === "nats")
        throw new StillhouseError(`No NATS server: ${found.reasons.join("; ")}. ${found.fix}`);
      const note = `no NATS server was found (${found.reasons.join("; ")}), so all roles ran in one process`;
      say(`NOTE: ${note}: nothing is kept between runs, and no other machine can join. ${found.fix}`);
      return { kind: "memory", note: `${note}. ${found.fix}` };
    }
  }
}

/** Calls `use` with the address of that server, which is started from `binary` and the store where none is named. */
export async function withServer<T>(
  { url, binary }: { url?: string; binary?: string },
  { store }: Pick<ServerChoice, "store">,
  say: (line: string) => void,
  signal: AbortSignal,
  use: (url: string) => Promise<T>,
): Promise<T> {
  if (url) {
    say(`NATS server: ${withoutCredentials(url)}`);
    return use(url);
  }
  const server = await joinServer(store, binary as string, signal);
  say(`NATS server: ${server.url} (${server.joined ? "joined" : "started"}, data in ${store})`);
  try {
    return await use(server.url);
  } finally {
    server.leave();
  }
}
