import { spawn } from "node:child_process";
import { StillhouseError } from "../../shared/errors.ts";

/** A step of installing the native TensorFlow failed; the message names the step, the cause and the fix. */
export class NativeInstallFailed extends StillhouseError {}

const KEPT = 64 * 1024;
const SHOWN_LINES = 15;

export interface ToolOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
}

/**
 * Runs a program to its end, without a shell.
 * @param action what it is run for, as the message of a failure says it
 * @returns the end of what it wrote to standard output
 * @throws NativeInstallFailed
 */
export async function runTool(
  action: string,
  command: string,
  args: readonly string[],
  { cwd, env = process.env, signal }: ToolOptions = {},
): Promise<string> {
  const child = spawn(command, args, { cwd, env, signal, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out = (out + text).slice(-KEPT);
    said = (said + text).slice(-KEPT);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-KEPT);
  });
  const end = await new Promise<number | string>((resolve, reject) => {
    child.once("error", (cause) => {
      reject(
        signal?.aborted
          ? new NativeInstallFailed("Interrupted; the same command starts again", { cause })
          : new NativeInstallFailed(`Cannot ${action}: ${command} does not start: ${cause.message}`, {
              cause,
            }),
      );
    });
    child.once("close", (code, by) => resolve(code ?? by ?? 1));
  });
  if (end === 0) return out;
  const lines = said.trim().split("\n").slice(-SHOWN_LINES).join("\n");
  throw new NativeInstallFailed(
    `Cannot ${action}: ${command} ended with ${end}${lines ? `. It said:\n${lines}` : ""}`,
    { fields: { command, args, end } },
  );
}
