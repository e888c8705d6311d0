import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Cable, openCable } from "../helpers/cable.ts";
import { stillhouseArguments } from "../helpers/sourceProcess.ts";

/** After an end of its own accord. */
const RESTART_MS = 1_000;

export type RoleKind = "coordinator" | "teacher" | "student";

/** A process that ended by itself. */
export interface OwnEnd {
  readonly code: number;
  readonly atMs: number;
  /** Of its log. */
  readonly last: string;
}

/** A role's process that is started again whenever it is gone, as an orchestrator would, and its way to the server. */
export class Role {
  readonly kind: RoleKind;
  readonly name: string;
  readonly cable: Cable;
  readonly #args: readonly string[];
  readonly #logFile: string;
  #child: ChildProcess | undefined;
  #over = false;
  /** How often it was started. */
  starts = 0;
  /** Ends of its own accord, which nothing here asks for. */
  readonly ends: OwnEnd[] = [];

  private constructor(kind: RoleKind, name: string, args: readonly string[], folder: string, cable: Cable) {
    this.kind = kind;
    this.name = name;
    this.cable = cable;
    this.#args = [kind, ...args, "--nats", cable.url, "--name", name];
    this.#logFile = join(folder, `${name}.log`);
  }

  static async start(
    kind: RoleKind,
    name: string,
    args: readonly string[],
    { folder, url }: { readonly folder: string; readonly url: string },
  ): Promise<Role> {
    const role = new Role(kind, name, args, folder, await openCable(url));
    role.start();
    return role;
  }

  get alive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  start(): void {
    if (this.alive || this.#over) return;
    this.starts++;
    const log = openSync(this.#logFile, "a");
    const child = spawn(process.execPath, stillhouseArguments(this.#args), {
      stdio: ["ignore", log, log],
      env: { ...process.env, NATS_URL: undefined },
    });
    closeSync(log);
    this.#child = child;
    child.once("exit", (code) => {
      if (this.#over || code === null) return;
      // One of its own accord: an orchestrator starts it again, and here somebody wants to know why.
      const last = readFileSync(this.#logFile, "utf8").trim().split("\n").at(-1)?.slice(0, 300);
      this.ends.push({ code, atMs: Date.now(), last: last ?? "" });
      setTimeout(() => this.start(), RESTART_MS);
    });
  }

  signal(signal: NodeJS.Signals): void {
    if (this.alive) this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || !this.alive) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await gone;
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.kill();
    this.cable.sever();
  }
}
