import { spawn } from "node:child_process";
import type { Command } from "./contestants.ts";

/** A command that did not start, or did not end well. */
export class CommandFailed extends Error {
  /** The same in few words, for a table. */
  readonly how: string;
  /** The end of what it said of it; null where it did not start. */
  readonly errors: string | null;

  constructor(message: string, how: string, errors: string | null) {
    super(message);
    this.how = how;
    this.errors = errors;
  }
}

/**
 * Runs a command to its end.
 * @param limitMs after which it is killed; absent: it takes as long as it takes
 * @returns what it printed
 * @throws CommandFailed
 */
export async function runCommand({ command, args, env }: Command, limitMs?: number): Promise<string> {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const limit = limitMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), limitMs);
  let out = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4096);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once("error", ({ message }) => {
        const what = `start ${command}: ${message}`;
        reject(new CommandFailed(`Cannot ${what}`, `cannot ${what}`, null));
      });
      child.once("close", (code, signal) => {
        if (code === 0) return resolve();
        const how = `ended with ${signal ?? `code ${code}`}`;
        reject(new CommandFailed(`${command} ${args.join(" ")} ${how}:\n${errors}`, how, errors));
      });
    });
  } finally {
    // It would keep this process, also where the command cannot be started.
    clearTimeout(limit);
  }
  return out;
}
