import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { mainScript } from "./mainScript.ts";
import { openStore, registerUser, runningServer, type Store } from "./store.ts";

const WAIT_MS = 15_000;
const KEEPER_LOOK_MS = 3_000;

/** A server of this machine that is there for as long as this process needs it. */
export interface LocalServer {
  readonly url: string;
  /** The server that an earlier run had started was joined. */
  readonly joined: boolean;
  leave(): void;
}

/**
 * Joins the store's server, or starts one on a free loopback port.
 * @throws StillhouseError when none comes up, or the reason of `signal`
 */
export async function joinServer(folder: string, binary: string, signal: AbortSignal): Promise<LocalServer> {
  const store = openStore(folder);
  const leave = registerUser(store);
  const deadline = systemClock.now() + WAIT_MS;
  let keeper: ChildProcess | undefined;
  try {
    for (;;) {
      const server = runningServer(store);
      if (server) {
        const unwatch = watchKeeper(store, binary);
        const end = (): void => {
          unwatch();
          leave();
        };
        return { url: server.url, joined: keeper === undefined, leave: end };
      }
      signal.throwIfAborted();
      if (keeper?.exitCode) throw notStarted(store, binary, `its keeper ended with code ${keeper.exitCode}`);
      if (systemClock.now() > deadline) {
        throw notStarted(store, binary, `nothing answered within ${WAIT_MS} ms`);
      }
      // A keeper ends at once where another is at work, and that one may be about to stop: then one is started again.
      if (keeper?.exitCode !== null) keeper = startKeeper(store, binary);
      await sleep(systemClock, 50, signal);
    }
  } catch (error) {
    leave();
    throw error;
  }
}

/** A keeper that was killed is followed by another, which takes over its server. */
function watchKeeper(store: Store, binary: string): () => void {
  const timer = setInterval(() => {
    if (!runningServer(store)) startKeeper(store, binary);
  }, KEEPER_LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Of its own session: it must outlive this process where another run has joined, and get no Ctrl-C meant for it. */
function startKeeper(store: Store, binary: string): ChildProcess {
  const log = openSync(store.serverLog, "a");
  const args = [...process.execArgv, mainScript, "keep-server", store.folder, binary];
  const keeper = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "ignore", log] });
  closeSync(log);
  keeper.unref();
  return keeper;
}

function notStarted(store: Store, binary: string, why: string): StillhouseError {
  return new StillhouseError(
    `Cannot start nats-server (${binary}) in store ${store.folder}: ${why}; see ${store.serverLog}`,
    { fields: { store: store.folder, binary } },
  );
}
