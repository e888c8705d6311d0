import { spawn } from "node:child_process";
import { z } from "zod";
import { messageOf } from "../shared/errors.ts";
import type { Command } from "./contestants.ts";
import type { BlockResult } from "./task.ts";

const Printed = z.union([
  z.object({ peer: z.string().optional(), unavailable: z.string() }),
  z.object({
    peer: z.string().optional(),
    steps: z.array(z.number()).min(1),
    graphs: z.array(z.number()).optional(),
    cpuMs: z.number(),
  }),
]);

/** A block may compile for a minute; one that takes longer than this hangs. */
const LIMIT_MS = 10 * 60_000;

/** Runs a block in a fresh process. What goes wrong there is a result too: the others go on. */
export async function runBlock({ command, args, env }: Command): Promise<BlockResult> {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  // Node's own limit goes on running, and keeps this process, where the command cannot be started.
  const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err = (err + text).slice(-4096);
  });
  const ended = await new Promise<string | null>((resolve) => {
    child.once("error", (error) => resolve(`cannot start ${command}: ${error.message}`));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? null : `ended with ${signal ?? `code ${code}`}: ${lastLine(err)}`),
    );
  });
  clearTimeout(limit);
  if (ended !== null) return { unavailable: ended };
  try {
    return Printed.parse(JSON.parse(lastLine(out))) as BlockResult;
  } catch (error) {
    return { unavailable: `printed no result: ${messageOf(error)}` };
  }
}

/** Where a result stands, and where Python names the error that it ends with. */
function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
