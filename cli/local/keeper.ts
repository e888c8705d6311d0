import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { isAlive, readJson, writeWhole } from "./files.ts";
import { FolderLocked, takeLockFile } from "./lockFile.ts";
import { accepts } from "./port.ts";
import { livingUsers, openStore, RunningServer, type Store } from "./store.ts";

const LOOK_MS = 300;
/** A store nobody uses for this long has its server stopped. */
const GRACE_MS = 1_500;
const START_MS = 10_000;

/**
 * The keeper of a store, a process of its own: runs the nats-server while some process needs it, starts it again on
 * the same port when it dies, and stops it when the last user is gone, however that one ended.
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
  let server: ChildProcess | undefined;
  try {
    stopOrphan(store);
    mkdirSync(store.dataFolder, { recursive: true });
    let port = await freePort();
    server = await startServer(store, binary, port).catch(async () => {
      // Between the look and the start somebody else may have taken the port.
      port = await freePort();
      return startServer(store, binary, port);
    });
    while (!(await unused(store))) {
      // On the same port, where those who lost it look for it.
      if (server.exitCode !== null || server.signalCode !== null)
        server = await startServer(store, binary, port);
      await sleep(systemClock, LOOK_MS);
    }
  } finally {
    rmSync(store.serverFile, { force: true });
    if (server) await stopServer(server);
    release();
  }
}

/** Whether nobody needs the server any more: for a while, and after it was taken from the list that newcomers read. */
async function unused(store: Store): Promise<boolean> {
  const since = systemClock.now();
  while (livingUsers(store).length === 0) {
    if (systemClock.now() - since > GRACE_MS) {
      const listed = readFileSync(store.serverFile, "utf8");
      rmSync(store.serverFile, { force: true });
      // A newcomer registers before it reads the list: whoever has read it by now is seen here.
      if (livingUsers(store).length === 0) return true;
      writeWhole(store.serverFile, listed);
    }
    await sleep(systemClock, LOOK_MS);
  }
  return false;
}

/** A server whose keeper was killed holds the data folder: it is ended before another starts on it. */
function stopOrphan(store: Store): void {
  const left = RunningServer.safeParse(readJson(store.serverFile));
  if (left.success && isAlive(left.data.serverPid)) process.kill(left.data.serverPid, "SIGKILL");
  rmSync(store.serverFile, { force: true });
}

async function startServer(store: Store, binary: string, port: number): Promise<ChildProcess> {
  const server = spawn(
    binary,
    ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", store.dataFolder, "-l", store.serverLog],
    { stdio: "ignore" },
  );
  const failed = new Promise<never>((_, reject) => {
    server.once("error", (cause) => reject(new StillhouseError(`Cannot start ${binary}`, { cause })));
    server.once("exit", (code) =>
      reject(
        new StillhouseError(`Cannot start ${binary}: it ended with code ${code}; see ${store.serverLog}`),
      ),
    );
  });
  failed.catch(() => undefined);
  const deadline = systemClock.now() + START_MS;
  while (!(await Promise.race([accepts(port), failed]))) {
    if (systemClock.now() > deadline) {
      throw new StillhouseError(`Cannot start ${binary}: no answer on port ${port} within ${START_MS} ms`);
    }
    await sleep(systemClock, 50);
  }
  const running = {
    keeperPid: process.pid,
    serverPid: server.pid as number,
    url: `nats://127.0.0.1:${port}`,
  };
  writeWhole(store.serverFile, JSON.stringify(running satisfies RunningServer));
  return server;
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  server.kill("SIGTERM");
  await Promise.race([ended, sleep(systemClock, 3_000)]);
  server.kill("SIGKILL");
  await ended;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
