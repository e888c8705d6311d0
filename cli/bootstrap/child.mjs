import { spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * @typedef {{ code: number | null, signal: NodeJS.Signals | null, output: string }} Ended how a child ended;
 *   `output` is the end of what it wrote, empty when it wrote to the terminal
 * @typedef {{ cwd: string, env: NodeJS.ProcessEnv }} Place
 */

const KEPT_OUTPUT = 64 * 1024;

/**
 * Runs a command in this process group, as if it were this process: a terminal sends SIGINT and SIGHUP to the
 * whole group, so the child has them already and this process only waits; SIGTERM comes from a supervisor that
 * knows this process alone, so it is passed on.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Place & { capture?: boolean }} options `capture` keeps the output instead of showing it
 * @returns {Promise<Ended>}
 */
export async function runForeground(command, args, { cwd, env, capture = false }) {
  const child = spawn(command, args, { cwd, env, stdio: capture ? ["ignore", "pipe", "pipe"] : "inherit" });
  const wait = () => {};
  const forward = () => child.kill("SIGTERM");
  process.on("SIGINT", wait).on("SIGHUP", wait).on("SIGTERM", forward);
  try {
    return await ended(child);
  } finally {
    process.off("SIGINT", wait).off("SIGHUP", wait).off("SIGTERM", forward);
  }
}

/**
 * Runs a command that may start others and may hang: it gets a process group of its own, which is killed as a
 * whole when `limitMs` have passed or when this process is told to end.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Place & { limitMs: number, outputFd: number }} options `outputFd` receives stdout and stderr
 * @returns {Promise<Ended & { timedOut: boolean }>}
 */
export async function runBounded(command, args, { cwd, env, limitMs, outputFd }) {
  const ownGroup = process.platform !== "win32";
  const child = spawn(command, args, { cwd, env, detached: ownGroup, stdio: ["ignore", outputFd, outputFd] });
  const kill = () => {
    if (child.pid === undefined) return;
    try {
      if (ownGroup) process.kill(-child.pid, "SIGKILL");
      else
        spawn("taskkill", ["/pid", String(child.pid), "/t", "/f"], { stdio: "ignore" }).on("error", () => {});
    } catch {
      // The group ended between the decision and the signal.
    }
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, limitMs);
  const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
  /** @param {NodeJS.Signals} signal */
  const die = (signal) => {
    kill();
    for (const each of signals) process.off(each, die);
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  for (const each of signals) process.on(each, die);
  try {
    return { ...(await ended(child)), timedOut };
  } finally {
    clearTimeout(timer);
    for (const each of signals) process.off(each, die);
  }
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<Ended>}
 */
function ended(child) {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, output }));
  });
}

/**
 * The exit code that tells a shell the same as how the child ended (128 + n for signal n).
 * @param {Pick<Ended, "code" | "signal">} end
 */
export function exitCodeOf({ code, signal }) {
  if (code !== null) return code;
  return signal === null ? 1 : 128 + constants.signals[signal];
}
