import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { nodeVersionProblem } from "../../cli/bootstrap/node-version.mjs";
import { writeNatsScript } from "./releaseServer.ts";
import { tempFolder } from "./tempFolder.ts";

const repo = fileURLToPath(new URL("../../", import.meta.url));

/**
 * A checkout of its own, in a folder with a space: the real bootstrap and the real tsx, with `main` as the
 * command's program and `vitest` as the test runner. npm's record agrees with the lock file: nothing is installed.
 */
function checkout(main: string, vitest = "") {
  const root = realpathSync(tempFolder());
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  cpSync(join(repo, "cli", "bootstrap"), join(root, "cli", "bootstrap"), { recursive: true });
  cpSync(join(repo, "cli", "stillhouse.mjs"), join(root, "cli", "stillhouse.mjs"));
  write("package.json", JSON.stringify({ type: "module" }));
  write("tsconfig.json", "{}");
  write("package-lock.json", JSON.stringify({ packages: {} }));
  write("node_modules/.package-lock.json", JSON.stringify({ packages: {} }));
  write("node_modules/vitest/package.json", JSON.stringify({ name: "vitest", type: "module" }));
  write("node_modules/vitest/vitest.mjs", vitest);
  symlinkSync(realpathSync(join(repo, "node_modules", "tsx")), join(root, "node_modules", "tsx"), "junction");
  write("cli/main.ts", main);
  return root;
}

const REPORT = `const seen: object = { args: process.argv.slice(2), cwd: process.cwd(), bin: process.env.NATS_SERVER_BIN };
console.log(JSON.stringify(seen));
process.exit(5);`;

describe("the start of a tool", () => {
  it.each([
    ["cli/stillhouse.mjs", []],
    ["cli/bootstrap/start.mjs", ["stillhouse"]],
  ])("by %s runs cli/main.ts where the user is, and ends with its exit code", (script, prefix) => {
    const root = checkout(REPORT);
    const cwd = realpathSync(tempFolder());
    const args = [join(root, script), ...prefix, "run", "a spec.yaml", "--out", "x"];
    const ended = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
    expect(ended.stderr).toBe("");
    expect(JSON.parse(ended.stdout)).toMatchObject({ args: ["run", "a spec.yaml", "--out", "x"], cwd });
    expect(ended.status).toBe(5);
  });

  it("runs a script with tsx from the root of the checkout", () => {
    const root = checkout(REPORT);
    const args = [join(root, "cli/bootstrap/start.mjs"), "tsx", "cli/main.ts", "a"];
    const ended = spawnSync(process.execPath, args, { cwd: tempFolder(), encoding: "utf8" });
    expect(JSON.parse(ended.stdout)).toMatchObject({ args: ["a"], cwd: root });
    expect(ended.status).toBe(5);
  });

  it("names the tools it knows when it is given another", () => {
    const root = checkout(REPORT);
    const ended = spawnSync(process.execPath, [join(root, "cli/bootstrap/start.mjs"), "jest"], {
      encoding: "utf8",
    });
    expect(ended.stderr).toBe('stillhouse: Cannot start "jest": expected stillhouse, vitest or tsx.\n');
    expect(ended.status).toBe(1);
  });
});

describe.skipIf(process.platform === "win32")("the start of the tests", () => {
  const runner = REPORT.replace(": object", "");

  it("gives them a nats-server of their own, also where NATS_URL names a running one", () => {
    const root = checkout("", runner);
    const dir = tempFolder();
    writeNatsScript(join(dir, "nats-server"), "2.10.2");
    const ended = spawnSync(process.execPath, [join(root, "cli/bootstrap/start.mjs"), "vitest", "run"], {
      env: { PATH: dir, NATS_URL: "nats://ann:s3cret@host:4222" },
      cwd: tempFolder(),
      encoding: "utf8",
    });
    expect(ended.stderr).toBe("");
    expect(JSON.parse(ended.stdout)).toEqual({ args: ["run"], cwd: root, bin: join(dir, "nats-server") });
    expect(ended.status).toBe(5);
  });

  it("says what is missing and how to get it, and runs them all the same", () => {
    const root = checkout("", runner);
    const ended = spawnSync(process.execPath, [join(root, "cli/bootstrap/start.mjs"), "vitest", "run"], {
      env: { PATH: "", NATS_SERVER_BIN: join(root, "gone") },
      encoding: "utf8",
    });
    expect(ended.stderr).toContain("stillhouse: tests that need a NATS server will fail.");
    expect(ended.stderr).toContain("Set NATS_SERVER_BIN to the path of a nats-server");
    expect(ended.status).toBe(5);
  });
});

describe.skipIf(process.platform === "win32")("a signal", () => {
  /** Counts signals; ends a while after the first with a code that tells how many came. */
  const COUNT = `let count: number = 0;
for (const name of ["SIGINT", "SIGTERM"]) {
  process.on(name, () => {
    if (++count === 1) setTimeout(() => process.exit(40 + count), 300);
  });
}
setInterval(() => {}, 1000);
console.log("ready");`;

  it("from a terminal, which reaches the whole group, reaches the tool once", async () => {
    const child = await started(checkout(COUNT));
    process.kill(-(child.pid ?? 0), "SIGINT");
    expect(await once(child, "exit")).toEqual([41, null]);
  });

  it("SIGTERM to the starting process alone is passed on once, and its end is waited for", async () => {
    const child = await started(checkout(COUNT));
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([41, null]);
  });

  it("that ends the tool becomes the exit code of a shell, 128 and its number", async () => {
    const child = await started(checkout(`console.log("ready"); process.kill(process.pid, "SIGKILL");`));
    // SIGKILL is 9.
    expect(await once(child, "exit")).toEqual([137, null]);
  });

  /** The command in a process group of its own, running. */
  async function started(root: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, [join(root, "cli/stillhouse.mjs")], { detached: true });
    onTestFinished(() => {
      try {
        process.kill(-(child.pid ?? 0), "SIGKILL");
      } catch {
        // The group is gone, as it should be.
      }
    });
    await once(child.stdout, "data");
    return child;
  }
});

describe("the published package", () => {
  it("runs the compiled program in the same process", () => {
    const root = realpathSync(tempFolder());
    mkdirSync(join(root, "dist", "cli"), { recursive: true });
    cpSync(join(repo, "cli", "bootstrap"), join(root, "cli", "bootstrap"), { recursive: true });
    cpSync(join(repo, "cli", "stillhouse.mjs"), join(root, "cli", "stillhouse.mjs"));
    writeFileSync(join(root, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(
      join(root, "dist", "cli", "main.js"),
      "console.log(process.pid, ...process.argv.slice(2)); process.exit(5);",
    );
    const ended = spawnSync(process.execPath, [join(root, "cli", "stillhouse.mjs"), "plan", "x"], {
      encoding: "utf8",
    });
    expect(ended.stdout).toBe(`${ended.pid} plan x\n`);
    expect(ended.status).toBe(5);
  });
});

describe("the check of Node's version", () => {
  it("names the version seen, the one expected and what to do", () => {
    expect(nodeVersionProblem("18.20.4")).toBe(
      "Cannot run Stillhouse on Node 18.20.4: it needs Node 20 or newer. Install one, or put it first on PATH " +
        "(`node --version` shows which is used).",
    );
  });

  it("lets Node 20 and newer pass", () => {
    expect(nodeVersionProblem("20.0.0")).toBeNull();
    expect(nodeVersionProblem("24.1.0")).toBeNull();
    expect(nodeVersionProblem("100.0.0")).toBeNull();
  });
});
