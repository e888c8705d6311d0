import { spawn } from "node:child_process";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { mainScript } from "./mainScript.ts";
import { openStore, registerUser, runningServer } from "./store.ts";

const WAIT_MS = 15_000;

/** A server of this machine that is there for as long as this process needs it. */
export interface LocalServer {
  readonly url: string;
  /** The server that an earlier run had started was joined. */
  readonly joined: boolean;
  leave(): void;
}

/** Joins the store's server, or starts one on a free loopback port. @throws StillhouseError when none comes up */
export async function joinServer(folder: string, binary: string): Promise<LocalServer> {
  const store = openStore(folder);
  const leave = registerUser(store);
  const there = runningServer(store);
  if (there) return { url: there.url, joined: true, leave };
  // Of its own session: it must outlive this process where another run has joined, and get no Ctrl-C meant for it.
  const keeper = spawn(
    process.execPath,
    [...process.execArgv, mainScript, "keep-server", store.folder, binary],
    {
      detached: true,
      stdio: "ignore",
    },
  );
  keeper.unref();
  const deadline = systemClock.now() + WAIT_MS;
  for (;;) {
    const server = runningServer(store);
    if (server) return { url: server.url, joined: false, leave };
    if (systemClock.now() > deadline) {
      leave();
      throw new StillhouseError(
        `Cannot start nats-server (${binary}) in store ${store.folder}: nothing answered within ${WAIT_MS} ms; see ${store.serverLog}`,
      );
    }
    await sleep(systemClock, 50);
  }
}
