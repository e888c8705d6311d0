import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Facts, FromRole, RoleTask, ToRole } from "./role.ts";

export interface Done {
  /** Milliseconds of the machine's clock. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly facts: Facts;
}

/** What some work comes to, unless one of the processes that have a part in it fails before: it would be waited for in vain. */
export function unlessFailed<T>(processes: readonly RoleProcess[], work: Promise<T>): Promise<T> {
  return Promise.race([work, ...processes.map(({ failed }) => failed)]);
}

/** A process of a benchmark, as the benchmark sees it. */
export class RoleProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly ready: Promise<void>;
  readonly done: Promise<Done>;
  /** Rejects when it ends by itself with an error. */
  readonly failed: Promise<never>;
  readonly #ended: Promise<number>;

  /** @param execArgv of Node, as for a profile */
  constructor(task: RoleTask, execArgv: readonly string[] = []) {
    this.name = task.role === "teachers" ? task.name : task.role;
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
    const child = fork(fileURLToPath(new URL("./roleProcess.ts", import.meta.url)), [JSON.stringify(task)], {
      execArgv: [...execArgv, "--import", tsx],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4000);
    });
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => code !== 0 && reject(new Error(`${this.name} ended: ${said}`)));
    });
    failed.catch(() => undefined);
    this.failed = failed;
    const heard = <K extends FromRole["kind"]>(kind: K): Promise<Extract<FromRole, { kind: K }>> => {
      const message = new Promise<Extract<FromRole, { kind: K }>>((resolve) => {
        child.on("message", (one: FromRole) => {
          if (one.kind === kind) resolve(one as Extract<FromRole, { kind: K }>);
        });
      });
      const outcome = Promise.race([message, failed]);
      outcome.catch(() => undefined);
      return outcome;
    };
    this.ready = heard("ready").then(() => undefined);
    this.done = heard("done");
    this.#ended = heard("ended").then(({ cpuMs }) => cpuMs);
    for (const promise of [this.ready, this.done, this.#ended]) promise.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  go(): void {
    this.#child.send({ kind: "go" } satisfies ToRole);
  }

  /** Ends it, and tells its processor time since `go` in milliseconds. */
  async end(): Promise<number> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.send({ kind: "end" } satisfies ToRole);
    const cpuMs = await this.#ended;
    await gone;
    return cpuMs;
  }

  /** Ends it whatever it does. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
