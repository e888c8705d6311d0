import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { createServer } from "node:net";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { isAlive, writeWhole } from "./files.ts";
import { serverName } from "./serverName.ts";
import { listedServer, type RunningServer, type Store } from "./store.ts";

const START_MS = 10_000;
const STOP_MS = 3_000;

/** Writes the server into the store's list, where those who join look for it. */
export function listServer(store: Store, server: RunningServer): void {
  writeWhole(store.serverFile, JSON.stringify(server));
}

/** The server that a keeper which was killed has left, told by its own name; undefined where there is none. */
export async function adoptServer(store: Store): Promise<RunningServer | undefined> {
  const left = listedServer(store);
  if (!left || (await serverName(left.port)) !== left.name) return undefined;
  return { ...left, keeperPid: process.pid };
}

/** Starts a server on the store's data. @throws StillhouseError when it ends, or does not answer in time */
export async function startServer(store: Store, binary: string, port: number): Promise<RunningServer> {
  const name = `stillhouse-${randomBytes(6).toString("hex")}`;
  const args = ["-a", "127.0.0.1", "-p", String(port), "-n", name, "-js", "-sd", store.dataFolder];
  const server = spawn(binary, [...args, "-l", store.serverLog], { stdio: "ignore" });
  let failure: StillhouseError | undefined;
  const fail = (why: string, cause?: unknown): void => {
    failure = new StillhouseError(`Cannot start ${binary}: ${why}; see ${store.serverLog}`, { cause });
  };
  server.once("error", (cause) => fail("it cannot be run", cause));
  server.once("exit", (code) => fail(`it ended with code ${code}`));
  const deadline = systemClock.now() + START_MS;
  while ((await serverName(port)) !== name) {
    if (failure) throw failure;
    if (systemClock.now() > deadline) {
      server.kill("SIGKILL");
      throw new StillhouseError(`Cannot start ${binary}: no answer on port ${port} within ${START_MS} ms`);
    }
    await sleep(systemClock, 50);
  }
  return {
    folder: realpathSync(store.folder),
    keeperPid: process.pid,
    serverPid: server.pid as number,
    port,
    name,
    url: `nats://127.0.0.1:${port}`,
  };
}

/** Ends a server of ours, and waits until it has ended. */
export async function stopServer({ serverPid }: RunningServer): Promise<void> {
  const deadline = systemClock.now() + STOP_MS;
  if (isAlive(serverPid)) process.kill(serverPid, "SIGTERM");
  while (isAlive(serverPid)) {
    if (systemClock.now() > deadline) process.kill(serverPid, "SIGKILL");
    await sleep(systemClock, 20);
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
