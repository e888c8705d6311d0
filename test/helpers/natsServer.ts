import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeNatsServer, findNatsServer } from "../../cli/bootstrap/nats-server.mjs";

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now; another one after `restart`. */
  readonly pid: number;
  readonly storeDir: string;
  /** Asks it to end and waits. The store stays until `dispose`. */
  stop(): Promise<void>;
  /** SIGKILL: what a crash leaves behind. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store, ending it first if it runs. */
  restart(): Promise<void>;
  /** Kills it and starts it again with an empty store: what a lost disk leaves behind. */
  loseStore(): Promise<void>;
  /** Ends it and removes its store. */
  dispose(): Promise<void>;
}

export interface NatsServerOptions {
  /** true without it */
  jetStream?: boolean;
  /** More arguments of nats-server. */
  args?: string[];
}

/** Runs a real nats-server on a free port of the loopback interface for the time of `fn`. */
export async function withNatsServer(
  fn: (server: NatsServer) => Promise<void>,
  options: NatsServerOptions = {},
): Promise<void> {
  const server = await startNatsServer(options);
  try {
    await fn(server);
  } finally {
    await server.dispose();
  }
}

/** The same for `beforeAll`: end it with `dispose`. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = natsServerBinary();
  const storeDir = await mkdtemp(join(tmpdir(), "stillhouse-nats-"));
  const port = await freePort();
  const jetStream = options.jetStream === false ? [] : ["-js", "-sd", storeDir];
  const args = ["-a", "127.0.0.1", "-p", String(port), ...jetStream, ...(options.args ?? [])];
  let running = await launch(binary, args, port);
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    get pid() {
      return running.pid as number;
    },
    storeDir,
    stop: () => end(running, "SIGTERM"),
    kill: () => end(running, "SIGKILL"),
    async restart() {
      await end(running, "SIGTERM");
      running = await launch(binary, args, port);
    },
    async loseStore() {
      await end(running, "SIGKILL");
      await rm(storeDir, { recursive: true, force: true, maxRetries: 5 });
      running = await launch(binary, args, port);
    },
    async dispose() {
      await end(running, "SIGTERM");
      await rm(storeDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A port of the loopback interface on which nothing listens now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject()));
    });
  });
}

/**
 * The binary that the tests run: NATS_SERVER_BIN, else what the command line itself would find. Every worker of vitest
 * looks once.
 * @throws with what was tried and what to type
 */
export function natsServerBinary(): string {
  if (typeof found === "string") return found;
  throw found;
}

const found = await findBinary();

async function findBinary(): Promise<string | Error> {
  const server = await findNatsServer({ ignoreUrl: true });
  if (server.kind === "binary") return server.path;
  return new Error(`These tests need a real nats-server. ${describeNatsServer(server)}`);
}

async function launch(binary: string, args: string[], port: number): Promise<ChildProcess> {
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  const log: string[] = [];
  child.stderr.on("data", (text: Buffer) => log.push(text.toString()));
  // A test run that is cut off must not leave servers behind.
  const reap = (): void => void child.kill("SIGKILL");
  process.once("exit", reap);
  child.once("exit", () => process.removeListener("exit", reap));
  const deadline = Date.now() + 10_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`nats-server did not start on port ${port}; it said:\n${log.join("").slice(-2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return child;
}

/** Whether a NATS server greets on the port. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once("data", (bytes) => answer(bytes.toString().startsWith("INFO")));
    socket.once("error", () => answer(false));
    socket.once("close", () => answer(false));
  });
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}
