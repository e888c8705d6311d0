import { readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { isAlive, makeFolder, readJson } from "./files.ts";

/**
 * A store: the folder that holds the data of this machine's own nats-server, shared by all runs on this machine that
 * name it.
 *
 *   jetstream/        the server's data
 *   server.json       the server that runs now
 *   users/PID         one empty file a process that needs the server
 *   keeper.lock       the keeper, which runs the server while there are users
 *   nats-server.log
 */
export interface Store {
  readonly folder: string;
  readonly serverFile: string;
  readonly usersFolder: string;
  readonly keeperLock: string;
  readonly dataFolder: string;
  readonly serverLog: string;
}

export function openStore(folder: string): Store {
  const full = resolve(folder);
  return {
    folder: full,
    serverFile: join(full, "server.json"),
    usersFolder: join(full, "users"),
    keeperLock: join(full, "keeper.lock"),
    dataFolder: join(full, "jetstream"),
    serverLog: join(full, "nats-server.log"),
  };
}

export const RunningServer = z.strictObject({
  /** Of the store. A copy of the folder names the server of the one that it was made from. */
  folder: z.string(),
  keeperPid: z.int(),
  serverPid: z.int(),
  port: z.int(),
  /** What the server calls itself. */
  name: z.string(),
  url: z.string(),
});
export type RunningServer = z.infer<typeof RunningServer>;

/** The store's server as it is listed, which may have ended. */
export function listedServer(store: Store): RunningServer | undefined {
  const { success, data } = RunningServer.safeParse(readJson(store.serverFile));
  return success && data.folder === realpathSync(store.folder) ? data : undefined;
}

/** The store's server, where one runs and its keeper lives. */
export function runningServer(store: Store): RunningServer | undefined {
  const listed = listedServer(store);
  return listed && isAlive(listed.keeperPid) && isAlive(listed.serverPid) ? listed : undefined;
}

/** Says that this process needs the server. @returns takes that back */
export function registerUser(store: Store): () => void {
  makeFolder(store.usersFolder, `store ${store.folder}`);
  const file = join(store.usersFolder, String(process.pid));
  writeFileSync(file, "");
  return () => rmSync(file, { force: true });
}

/** The living processes that need the server; what the dead left behind is removed. */
export function livingUsers(store: Store): number[] {
  const pids = readdirSync(store.usersFolder).map(Number);
  for (const pid of pids) if (!isAlive(pid)) rmSync(join(store.usersFolder, String(pid)), { force: true });
  return pids.filter(isAlive);
}
