import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

it("a second SIGINT ends a process by that signal, though a thread of it is within a call of ONNX Runtime", async () => {
  const script = fileURLToPath(new URL("./computingProcess.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", tsx, script], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "exit");
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  for (const said of ["computing", "told to end"]) {
    const [line] = await Promise.race([once(child.stdout, "data"), ended]);
    expect(String(line), errors).toBe(`${said}\n`);
    child.kill("SIGINT");
  }
  expect(await ended, errors).toEqual([null, "SIGINT"]);
});
