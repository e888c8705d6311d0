import { mkdirSync, rmSync } from "node:fs";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import { isAlive } from "./files.ts";
import { adoptServer, freePort, listServer, startServer, stopServer } from "./keptServer.ts";
import { FolderLocked, takeLockFile } from "./lockFile.ts";
import { livingUsers, openStore, type RunningServer, type Store } from "./store.ts";

const LOOK_MS = 300;
/** A store nobody uses for this long has its server stopped. */
const GRACE_MS = 1_500;

/**
 * The keeper of a store, a process of its own: runs the nats-server while some process needs it, starts it again on
 * the same port when it dies, and stops it when the last user is gone, however that one ended. A keeper that was
 * killed is followed by another, which takes over the server that it left.
 */
export async function keepServer(folder: string, binary: string): Promise<void> {
  const store = openStore(folder);
  let release: () => void;
  try {
    release = takeLockFile(store.keeperLock, `store ${store.folder}`);
  } catch (error) {
    // Two runs that start at once each start a keeper; one is enough.
    if (error instanceof FolderLocked) return;
    throw error;
  }
  // The users decide when the server ends, not a Ctrl-C that goes to a whole terminal.
  process.on("SIGINT", () => undefined);
  let server: RunningServer | undefined;
  try {
    server = await adoptServer(store);
    // Whoever wanted a server may have been interrupted before this process was there.
    if (livingUsers(store).length === 0) return;
    mkdirSync(store.dataFolder, { recursive: true });
    server ??= await startAnywhere(store, binary);
    listServer(store, server);
    while (!(await unused(store, server))) {
      if (!isAlive(server.serverPid)) {
        // On the same port, where those who lost it look for it.
        server = await startServer(store, binary, server.port);
        listServer(store, server);
      }
      await sleep(systemClock, LOOK_MS);
    }
  } finally {
    rmSync(store.serverFile, { force: true });
    if (server) await stopServer(server);
    release();
  }
}

async function startAnywhere(store: Store, binary: string): Promise<RunningServer> {
  try {
    return await startServer(store, binary, await freePort());
  } catch {
    // Between the look and the start somebody else may have taken the port; what else is wrong is met again.
    return startServer(store, binary, await freePort());
  }
}

/** Whether nobody needs the server any more: for a while, and after it was taken from the list that newcomers read. */
async function unused(store: Store, server: RunningServer): Promise<boolean> {
  const since = systemClock.now();
  while (livingUsers(store).length === 0) {
    if (systemClock.now() - since > GRACE_MS) {
      rmSync(store.serverFile, { force: true });
      // A newcomer registers before it reads the list: whoever has read it by now is seen here.
      if (livingUsers(store).length === 0) return true;
      listServer(store, server);
    }
    await sleep(systemClock, LOOK_MS);
  }
  return false;
}
