import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Trial, TrialEnd } from "./trialMessages.ts";

/** Starting a process takes this long at most, on the busiest machine. */
const START_MS = 30_000;
/** A process that has nothing to try ends after this. */
const IDLE_MS = 10_000;

let idle: { readonly child: ChildProcess; readonly timer: NodeJS.Timeout } | undefined;

/** Tries a model in a process of its own, which may have tried another one before. */
export function runTrial(trial: Trial): Promise<TrialEnd> {
  const child = takeIdle() ?? start();
  return new Promise((resolve) => {
    const settle = (end: TrialEnd): void => {
      clearTimeout(late);
      child.removeAllListeners();
      if (end.kind === "passed" || end.kind === "refused") keep(child);
      else child.kill("SIGKILL");
      resolve(end);
    };
    const late = setTimeout(() => settle({ kind: "time" }), trial.mostMs + START_MS);
    child.once("message", (end) => settle(end as TrialEnd));
    child.once("error", (error) => settle({ kind: "failed", why: error.message }));
    child.once("exit", (code, signal) =>
      settle({ kind: "failed", why: `its process ended with ${signal ?? `code ${code}`}` }),
    );
    child.ref();
    child.channel?.ref();
    child.send(trial);
  });
}

function takeIdle(): ChildProcess | undefined {
  const taken = idle;
  idle = undefined;
  if (!taken) return undefined;
  clearTimeout(taken.timer);
  taken.child.removeAllListeners();
  return taken.child.connected ? taken.child : undefined;
}

/** It keeps no process alive, and ends with this one. */
function keep(child: ChildProcess): void {
  takeIdle()?.kill("SIGKILL");
  const forget = (): void => {
    if (idle?.child === child) takeIdle();
  };
  child.once("exit", forget);
  child.once("error", forget);
  const timer = setTimeout(() => {
    forget();
    child.kill("SIGKILL");
  }, IDLE_MS);
  timer.unref();
  child.unref();
  child.channel?.unref();
  idle = { child, timer };
}

function start(): ChildProcess {
  const source = import.meta.url.endsWith(".ts");
  const module = fileURLToPath(new URL(`./trialProcess.${source ? "ts" : "js"}`, import.meta.url));
  const loader = source
    ? ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href]
    : [];
  const { NODE_OPTIONS: _options, ...env } = process.env;
  return fork(module, [], {
    env,
    execArgv: loader,
    serialization: "advanced",
    // ONNX Runtime writes what it refuses to standard error too.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
}
