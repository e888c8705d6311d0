import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { Bus } from "../../shared/bus/bus.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import { Report } from "../../shared/evaluate/reportSchema.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Heartbeat } from "../../shared/protocol/presence.ts";
import { buckets, PRESENCE_TTL_MS, streams } from "../../shared/protocol/subjects.ts";
import { type LivingProcess, livingProcesses } from "./livingProcesses.ts";
import { natsServerBinary } from "./natsServer.ts";
import { root, stillhouseArguments } from "./sourceProcess.ts";

/** How a command ended, and all that it wrote. */
export interface CliEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** Beside the test's own environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
}

/** A running `stillhouse` command: the leader of a process group of its own, as a shell would have it. */
export class Cli {
  readonly pid: number;
  /** Settles when the command itself has ended and its output is complete. */
  readonly ended: Promise<CliEnd>;
  stdout = "";
  stderr = "";
  #over = false;

  constructor(child: ChildProcess) {
    this.pid = child.pid as number;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#over = true;
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** Resolves once standard error holds `text`. @throws with the output when the command ends before */
  async says(text: string | RegExp): Promise<void> {
    await eventually(`the command says ${text}`, () => {
      if (typeof text === "string" ? this.stderr.includes(text) : text.test(this.stderr)) return true;
      if (this.#over) throw new Error(`The command ended without saying ${text}:\n${this.stderr}`);
      return undefined;
    });
  }

  /** To the command and the roles that it started, as a terminal does on Ctrl-C. A group that is gone is no error. */
  signalGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** A folder for specs, stores and reports, and the commands that a test runs in it. */
export class Workspace {
  readonly folder: string;
  readonly #commands: Cli[] = [];
  readonly #buses: Bus[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Writes a spec. JSON is YAML. @returns its path */
  async spec(name: string, spec: unknown): Promise<string> {
    const path = this.path(`${name}.yaml`);
    await writeFile(path, JSON.stringify(spec, null, 2));
    return path;
  }

  /** Starts `stillhouse ARGS` in this folder. */
  start(args: readonly string[], options: CliOptions = {}): Cli {
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      NODE_OPTIONS: undefined,
      NATS_URL: undefined,
      NATS_SERVER_BIN: natsServerBinary(),
      NO_COLOR: "1",
      TSX_TSCONFIG_PATH: join(root, "tsconfig.json"),
      ...options.env,
    };
    for (const name of Object.keys(env)) if (env[name] === undefined) delete env[name];
    const child = spawn(process.execPath, stillhouseArguments(args), {
      cwd: this.folder,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env,
    });
    const cli = new Cli(child);
    this.#commands.push(cli);
    return cli;
  }

  /** Runs `stillhouse ARGS` to its end. */
  run(args: readonly string[], options: CliOptions = {}): Promise<CliEnd> {
    return this.start(args, options).ended;
  }

  /** Runs a spec that must succeed. @returns its report */
  async report(args: readonly string[], out: string, options: CliOptions = {}): Promise<Report> {
    const end = await this.run(["run", ...args, "--out", out], options);
    if (end.code !== 0) throw new Error(`The run ended with code ${end.code}:\n${end.stderr}`);
    return this.readReport(out);
  }

  readReport(out: string): Report {
    return Report.parse(JSON.parse(readFileSync(this.path(out, "report.json"), "utf8")));
  }

  /** What a role wrote into its log beside the report, one object a line. */
  roleLog(out: string, role: string): Record<string, unknown>[] {
    const lines = readFileSync(this.path(out, "logs", `${role}.log`), "utf8").split("\n");
    return lines
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The server that a run has started in a store, as soon as it is there. */
  server(store: string): Promise<{ keeperPid: number; serverPid: number; url: string }> {
    return eventually(`store ${store} has a server`, () => {
      try {
        return JSON.parse(readFileSync(this.path(store, "server.json"), "utf8"));
      } catch {
        const last = this.#commands.at(-1);
        if (last?.over) throw new Error(`The command ended without a server:\n${last.stderr}`);
        return undefined;
      }
    });
  }

  /** A connection of the test's own, to look at what the roles do. */
  async watch(url: string): Promise<Bus> {
    const bus = await connectNats({ url, name: "test" });
    this.#buses.push(bus);
    return bus;
  }

  /** The living processes that commands of this workspace have started, however deep. */
  living(): LivingProcess[] {
    const groups = new Set(this.#commands.map(({ pid }) => pid));
    return livingProcesses().filter(
      ({ group, command }) => groups.has(group) || command.includes(this.folder),
    );
  }

  killAll(): void {
    for (const { pid } of this.living()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended between the look and the signal.
      }
    }
  }

  /** Kills what still runs and removes the folder. */
  async dispose(): Promise<void> {
    // The connections would try for ever to reach a server that is gone.
    const closed = Promise.all(this.#buses.map((bus) => bus.close()));
    await eventually("all processes of the test are gone", () => {
      this.killAll();
      return this.living().length === 0 || undefined;
    });
    await closed;
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A workspace for one test; whatever runs in it when the test ends, passed, failed or out of time, is killed. */
export async function workspace(): Promise<Workspace> {
  const place = await openWorkspace();
  onTestFinished(() => place.dispose());
  return place;
}

/** The same for `beforeAll`: end it with `dispose`. */
export async function openWorkspace(): Promise<Workspace> {
  const place = new Workspace(await mkdtemp(join(tmpdir(), "stillhouse-test-")));
  // A test run that is cut off must not leave processes behind.
  process.once("exit", () => place.killAll());
  return place;
}

/**
 * What `probe` gives as soon as that is not undefined.
 * @throws when nothing came for `withinMs`: long, as it only bounds how long a broken test hangs
 */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  withinMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain until ${what}`);
    await sleep(20);
  }
}

/** Messages in the label log now. */
export async function labelCount(bus: Bus): Promise<number> {
  return (await (await bus.log(streams.labels.name, streams.labels.filter)).size()).messages;
}

/** The nodes of a role that are alive. */
export async function nodesOf(bus: Bus, role: Heartbeat["role"]): Promise<Heartbeat[]> {
  const kv = await bus.kv(buckets.heartbeats, { ttlMs: PRESENCE_TTL_MS });
  const entries = await Promise.all((await kv.keys(`${role}.*`)).map((key) => kv.get(key)));
  return entries.flatMap((entry) => (entry ? [decode(Heartbeat, entry.value, entry.key)] : []));
}

/** What the living nodes of a role say of themselves, as `stillhouse status --json` tells, by name. */
export async function statusNodes(place: Workspace, url: string, role: Heartbeat["role"]) {
  const end = await place.run(["status", "--nats", url, "--json"]);
  if (end.code !== 0) throw new Error(`status ended with code ${end.code}:\n${end.stderr}`);
  const { nodes } = JSON.parse(end.stdout) as { nodes: Heartbeat[] };
  return nodes
    .filter((node) => node.role === role)
    .map(({ node, pid, samplesPredicted, chunksLabelled, redeliveries }) => {
      return { node, pid, samplesPredicted, chunksLabelled, redeliveries };
    })
    .sort((a, b) => a.node.localeCompare(b.node));
}
