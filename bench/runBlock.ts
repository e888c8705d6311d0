import { z } from "zod";
import { messageOf } from "../shared/errors.ts";
import type { Command } from "./contestants.ts";
import { CommandFailed, runCommand } from "./runCommand.ts";
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
export async function runBlock(command: Command): Promise<BlockResult> {
  let out: string;
  try {
    out = await runCommand(command, LIMIT_MS);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const { how, errors } = error;
    return { unavailable: errors === null ? how : `${how}: ${lastLine(errors)}` };
  }
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
