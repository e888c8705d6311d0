import { spawn } from "node:child_process";

/** Runs a command to its end. @returns what it printed @throws Error with the end of its errors where it failed */
export async function toEnd(command: string, args: readonly string[], env = process.env): Promise<string> {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4096);
  });
  await new Promise<void>((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`Cannot start ${command}: ${error.message}`)));
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else
        reject(new Error(`${command} ${args.join(" ")} ended with ${signal ?? `code ${code}`}:\n${errors}`));
    });
  });
  return out;
}
