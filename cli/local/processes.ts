import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { CHILD_MARK } from "../stopSignals.ts";
import { mainScript } from "./mainScript.ts";

/** A role's process that ended with an error of its own, or too often. */
export class RoleFailed extends StillhouseError {}

/** What a role's process tells its parent before it ends with an error. */
export interface RoleReport {
  kind: "failed";
  message: string;
}

const RESTARTS = 5;
const RESTART_MS = 1_000;
/** Longer than a role's farewell on the bus, and the end of its compute thread. */
const STOP_MS = 4_000;

/**
 * The processes of a run on this machine: one a role, with their logs beside the report. One that is killed is
 * started again; one that ends with an error of its own fails the run.
 */
export class Processes {
  readonly #logFolder: string;
  readonly #onNotice: (text: string) => void;
  readonly #living = new Map<string, ChildProcess>();
  #stopping = false;

  constructor(logFolder: string, onNotice: (text: string) => void) {
    this.#logFolder = logFolder;
    this.#onNotice = onNotice;
    mkdirSync(logFolder, { recursive: true });
  }

  /**
   * Runs `stillhouse ARGS` until `stop`, or, where it is a role with an end, until it ends with code 0.
   * @throws RoleFailed with what the role reported
   */
  async run(name: string, args: readonly string[], hasEnd: boolean): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const { code, by, report } = await this.#once(name, args);
      if (this.#stopping || (hasEnd && code === 0)) return;
      const how = by ? `was killed by ${by}` : `ended with code ${code}`;
      if (report) throw new RoleFailed(report.message, { fields: { name, code } });
      if (attempt === RESTARTS) {
        throw new RoleFailed(
          `Cannot keep ${name} alive: it ${how} after ${RESTARTS} restarts; see ${this.#logOf(name)}`,
        );
      }
      this.#onNotice(`${name} ${how}; it is started again`);
      await sleep(systemClock, RESTART_MS);
      if (this.#stopping) return;
    }
  }

  /** Ends them all: asks, waits, and kills what is left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const ends = [...this.#living.values()].map(
      (child) => new Promise<void>((resolve) => child.once("exit", () => resolve())),
    );
    for (const child of this.#living.values()) child.kill("SIGTERM");
    const cancel = systemClock.after(STOP_MS, () => {
      for (const child of this.#living.values()) child.kill("SIGKILL");
    });
    await Promise.all(ends);
    cancel();
  }

  #once(
    name: string,
    args: readonly string[],
  ): Promise<{ code: number | null; by: NodeJS.Signals | null; report: RoleReport | undefined }> {
    const log = openSync(this.#logOf(name), "a");
    const child = spawn(process.execPath, [...process.execArgv, mainScript, ...args], {
      stdio: ["ignore", log, log, "ipc"],
      env: { ...process.env, [CHILD_MARK]: "1" },
    });
    closeSync(log);
    this.#living.set(name, child);
    let report: RoleReport | undefined;
    child.on("message", (message: RoleReport) => {
      report = message;
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, by) => {
        this.#living.delete(name);
        resolve({ code, by, report });
      });
    });
  }

  #logOf(name: string): string {
    return join(this.#logFolder, `${name}.log`);
  }
}
