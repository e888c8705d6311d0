import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { distillSpec, teachersSpec } from "../../bench/distill/specs.ts";
import { runCommand } from "../../bench/runCommand.ts";

const task = { teachers: 3, teacherEpochs: 2, batch: 128, threads: 2 };
const phases = fileURLToPath(new URL("../../bench/peers/phases.py", import.meta.url));
const noPython = spawnSync("python3", ["--version"]).status !== 0;

describe("the runs of bench distill", () => {
  it("have the same teachers and data, so that the timed one trains none, and other labels, so that it makes all", () => {
    const [first, timed] = [teachersSpec(task), distillSpec(task, 5)];
    expect(timed.teachers).toEqual(first.teachers);
    expect(timed.data).toEqual(first.data);
    expect(timed.labels.encoding).not.toBe(first.labels.encoding);
    expect(timed.student.train.epochs).toBe(5);
    expect(timed.baseline).toBe(false);
  });

  it("fail with what the command said last", async () => {
    const script = "console.error('the disk is on fire'); process.exit(3)";
    const { env } = process;
    await expect(runCommand({ command: process.execPath, args: ["-e", script], env })).rejects.toThrow(
      /ended with code 3:\nthe disk is on fire/,
    );
    await expect(runCommand({ command: "no-such-python", args: [], env })).rejects.toThrow(
      "Cannot start no-such-python",
    );
  });
});

describe.skipIf(noPython)("the processor time of a peer", () => {
  it("is told of each phase that the peer itself times, whatever libraries ask the time", () => {
    const folder = mkdtempSync(join(tmpdir(), "stillhouse-peer-"));
    try {
      const peer = join(folder, "peer.py");
      writeFileSync(join(folder, "library.py"), "import time\n\ndef work():\n    return time.time()\n");
      writeFileSync(
        peer,
        `import sys; sys.path.insert(0, ${JSON.stringify(folder)})
import time, library
t0 = time.time(); library.work(); sum(range(2_000_000)); a = time.time() - t0
t0 = time.time(); time.sleep(0.2); b = time.time() - t0
print(sys.argv[1:])
`,
      );
      const out = execFileSync("python3", ["-B", phases, peer, "--epochs", "5"], { encoding: "utf8" });
      const [said, timed] = out.trim().split("\n");
      expect(said).toBe("['--epochs', '5']");
      const [busy, asleep, ...more] = JSON.parse(timed as string) as number[];
      expect(more).toEqual([]);
      expect(busy).toBeGreaterThan(0);
      // A clock on the wall would say 0.2.
      expect(asleep).toBeLessThan(busy as number);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
