import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { isAlive } from "../../cli/local/files.ts";
import { eventually } from "../helpers/cli.ts";

it.skipIf(!existsSync("/proc/self/stat"))(
  "a process that has ended counts as dead, though its parent never asks how it ended",
  async () => {
    // The shell starts a child and becomes sleep, which knows of no child and collects none; the child ends after that,
    // as the shell would collect it.
    const child = "until grep -q sleep /proc/$PPID/comm; do sleep 0.05; done";
    const parent = spawn("sh", ["-c", `sh -c '${child}' & echo $!; exec sleep 60`], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      let said = "";
      parent.stdout.on("data", (text: Buffer) => {
        said += text.toString();
      });
      const pid = await eventually("the child's number is known", () => Number(said.trim()) || undefined);
      await eventually("it has ended", () =>
        readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ") ? true : undefined,
      );
      expect(() => process.kill(pid, 0)).not.toThrow();
      expect(isAlive(pid)).toBe(false);
      expect(isAlive(parent.pid as number)).toBe(true);
    } finally {
      parent.kill("SIGKILL");
    }
  },
);
