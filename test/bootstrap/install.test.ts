import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { ensureInstalled } from "../../cli/bootstrap/install.mjs";
import { describeOnnxRuntime } from "../../cli/bootstrap/onnx.mjs";
import type { NativeOptions } from "../../cli/bootstrap/types.ts";
import { hang, send, serve } from "./releaseServer.ts";
import { tempFolder } from "./tempFolder.ts";

const NATIVE = "node_modules/@tensorflow/tfjs-node-gpu";

/**
 * Stands in for npm: writes each call into calls.log; `ci` and `install` make node_modules new with the native
 * package in it, `rebuild` makes its binding. Empty files beside it make it fail, refuse, hang or be slow.
 */
const NPM = `
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
const here = new URL(".", import.meta.url);
appendFileSync(new URL("calls.log", here), process.argv.slice(2).join(" ") + "\\n");
if (existsSync(new URL("fail", here))) {
  console.error("npm error the registry is on fire");
  process.exit(7);
}
if (process.argv[2] === "ci" && existsSync(new URL("refuse", here))) {
  console.error("npm error code EUSAGE");
  console.error("npm error ... package.json and package-lock.json ... are in sync.");
  console.error("npm error Missing: a@1.0.0 from lock file");
  console.error("npm error Missing: b@1.0.0 from lock file");
  process.exit(1);
}
if (process.argv[2] === "ci" || process.argv[2] === "install") {
  if (existsSync(new URL("slow", here))) await new Promise((done) => setTimeout(done, 500));
  rmSync("node_modules", { recursive: true, force: true });
  mkdirSync("${NATIVE}", { recursive: true });
}
if (process.argv[2] === "rebuild") {
  if (existsSync(new URL("rebuild-hangs", here))) await new Promise((done) => setTimeout(done, 600_000));
  console.log("building");
  mkdirSync("${NATIVE}/lib/napi-v8", { recursive: true });
  writeFileSync("${NATIVE}/lib/napi-v8/tfjs_binding.node", "");
}
`;

/** A checkout with a lock file and no node_modules, and an npm that works offline. */
function checkout() {
  const root = join(tempFolder(), "a checkout");
  const bin = tempFolder();
  mkdirSync(root);
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: { "": {} } }));
  writeFileSync(join(bin, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(bin, "npm-cli.js"), NPM);
  const lines: string[] = [];
  const baseEnv: NodeJS.ProcessEnv = { PATH: "", npm_execpath: join(bin, "npm-cli.js") };
  return {
    root,
    lines,
    env: baseEnv,
    set: (flag: string) => writeFileSync(join(bin, flag), ""),
    calls: () =>
      existsSync(join(bin, "calls.log"))
        ? readFileSync(join(bin, "calls.log"), "utf8").trimEnd().split("\n")
        : [],
    install: (native: NativeOptions = { gpuSeen: false }, env: NodeJS.ProcessEnv = {}) =>
      ensureInstalled({ root, log: (line) => lines.push(line), env: { ...baseEnv, ...env }, native }),
  };
}

const CI = "ci --no-audit --no-fund --include=dev";
const stampOf = (root: string) => join(root, "node_modules", ".stillhouse-install.json");

function changeStamp(root: string, change: Record<string, string>) {
  writeFileSync(
    stampOf(root),
    JSON.stringify({ ...JSON.parse(readFileSync(stampOf(root), "utf8")), ...change }),
  );
}

describe("ONNX Runtime", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));

  it("is there with its CPU library, and what its install script would fetch is left out", () => {
    expect(describeOnnxRuntime(root)).toBe(
      "ONNX Runtime: its CPU library is in the package; CUDA left out (its install script was not run)",
    );
  });

  it("is left out on a platform that its package has no build for", () => {
    expect(describeOnnxRuntime(root, { platform: "aix", arch: "ppc64" })).toBe(
      "ONNX Runtime: left out (no build for aix-ppc64); wasm computes, slower",
    );
  });
});

describe("the dependencies", () => {
  it("are installed once, with a line before and a line after", async () => {
    const { install, calls, lines, root } = checkout();
    expect(await install()).toEqual({ installed: true });
    expect(await install()).toEqual({ installed: false });
    expect(calls()).toEqual([CI]);
    expect(lines).toEqual([
      "installing the dependencies (node_modules is missing or incomplete) ...",
      expect.stringMatching(/^installed the dependencies in \d+\.\d s$/),
      "ONNX Runtime: left out (onnxruntime-node is not installed); wasm computes, slower",
      "native TensorFlow: left out (no NVIDIA GPU seen; STILLHOUSE_NATIVE=1 tries anyway)",
    ]);
    expect(existsSync(join(root, ".stillhouse"))).toBe(false);
  });

  it.each([
    ["another package-lock.json", { lock: "0" }, "package-lock.json is not the one that was installed"],
    [
      "another Node",
      { node: "12" },
      `installed for Node 12, this is Node ${process.versions.node.split(".")[0]}`,
    ],
    [
      "another platform",
      { platform: "aix-ppc" },
      `installed for aix-ppc, this is ${process.platform}-${process.arch}`,
    ],
  ])("are installed again after %s", async (_, change, reason) => {
    const { install, calls, lines, root } = checkout();
    await install();
    changeStamp(root, change);
    lines.length = 0;
    expect(await install()).toEqual({ installed: true });
    expect(lines[0]).toBe(`installing the dependencies (${reason}) ...`);
    expect(await install()).toEqual({ installed: false });
    expect(calls()).toEqual([CI, CI]);
  });

  it("are installed again when the stamp was cut short", async () => {
    const { install, root } = checkout();
    await install();
    writeFileSync(stampOf(root), '{"lock":');
    expect(await install()).toEqual({ installed: true });
  });

  it("are installed again when package-lock.json changes", async () => {
    const { install, root } = checkout();
    await install();
    writeFileSync(
      join(root, "package-lock.json"),
      JSON.stringify({ packages: { "": {}, "node_modules/a": {} } }),
    );
    expect(await install()).toEqual({ installed: true });
  });

  it("count as there when the user installed the same with npm, and not when a version differs", async () => {
    const { install, calls, root } = checkout();
    const entries = {
      "node_modules/a": { version: "1.2.3" },
      "node_modules/of-this-machine": { version: "1.0.0", optional: true, os: [process.platform] },
    };
    const others = {
      "node_modules/of-another": { version: "1.0.0", optional: true, os: ["elsewhere"] },
      "node_modules/of-a-libc": { version: "1.0.0", optional: true, os: [process.platform], libc: ["other"] },
      "node_modules/dependency-of-another": { version: "1.0.0", optional: true },
    };
    writeFileSync(
      join(root, "package-lock.json"),
      JSON.stringify({ packages: { "": {}, ...entries, ...others } }),
    );
    const record = (packages: object) => {
      mkdirSync(join(root, "node_modules"), { recursive: true });
      writeFileSync(join(root, "node_modules", ".package-lock.json"), JSON.stringify({ packages }));
    };
    record(entries);
    expect(await install()).toEqual({ installed: false });
    expect(calls()).toEqual([]);

    record({ ...entries, "node_modules/a": { version: "1.2.2" } });
    expect(await install()).toEqual({ installed: true });
    record({ "node_modules/a": { version: "1.2.3" } });
    rmSync(stampOf(root));
    expect(await install()).toEqual({ installed: true });
    expect(calls()).toEqual([CI, CI]);
  });
});

describe("an installation that fails", () => {
  it("names the exit code, what npm said and the command to try, and is tried again next time", async () => {
    const { install, set, root, calls } = checkout();
    set("fail");
    await expect(install()).rejects.toThrow(
      `Cannot install the dependencies in ${root}: \`npm ci\` ended with exit code 7. Try \`npm ci\` there by hand. ` +
        "It said:\nnpm error the registry is on fire",
    );
    await expect(install()).rejects.toThrow("exit code 7");
    expect(calls()).toHaveLength(2);
    expect(existsSync(join(root, ".stillhouse"))).toBe(false);
  });

  it("as npm ci finds packages missing in the lock file goes on with npm install, and says so", async () => {
    const { install, set, calls, lines } = checkout();
    set("refuse");
    expect(await install()).toEqual({ installed: true });
    expect(calls()).toEqual([CI, "install --no-save --no-audit --no-fund --include=dev"]);
    expect(lines[1]).toBe(
      "npm ci refused package-lock.json (Missing: a@1.0.0 from lock file, and 1 more): using npm install --no-save",
    );
  });

  it("says so outside of a clone", async () => {
    const { install, root } = checkout();
    rmSync(join(root, "package-lock.json"));
    await expect(install()).rejects.toThrow(/it has no package-lock\.json\. Run from a clone/);
  });
});

describe("two installations at once", () => {
  it("run npm once: the second waits for the first, in another process", async () => {
    const { install, root, env, set, calls } = checkout();
    set("slow");
    const module = new URL("../../cli/bootstrap/install.mjs", import.meta.url).href;
    const options = { root, env: { ...env, STILLHOUSE_NATIVE: "0" } };
    const script = `import { ensureInstalled } from ${JSON.stringify(module)};
      const log = (line) => console.log(line);
      console.log((await ensureInstalled({ ...${JSON.stringify(options)}, log })).installed);`;
    const start = () => outputOf(spawn(process.execPath, ["--input-type=module", "-e", script]));
    const [here, ...there] = await Promise.all([install(), start(), start()]);
    const installed = [String(here.installed), ...there.map((text) => text.trimEnd().split("\n").at(-1))];
    expect(installed.sort()).toEqual(["false", "false", "true"]);
    expect(calls()).toEqual([CI]);
    expect(existsSync(join(root, ".stillhouse"))).toBe(false);
  });

  it("do not wait for a lock whose process is dead", async () => {
    const { install, root } = checkout();
    const dead = spawn(process.execPath, ["-e", ""]);
    await once(dead, "exit");
    leaveLock(root, { pid: dead.pid, host: hostname() });
    expect(await install()).toEqual({ installed: true });
    expect(existsSync(join(root, ".stillhouse"))).toBe(false);
  });

  it("do not wait for a lock of another machine that was not touched for over a minute", async () => {
    const { install, root } = checkout();
    const owner = leaveLock(root, { pid: process.pid, host: "another machine" });
    const before = new Date(Date.now() - 61_000);
    utimesSync(owner, before, before);
    expect(await install()).toEqual({ installed: true });
  });

  it("wait for a lock whose process lives, and say for which", async () => {
    const { install, root, lines, calls } = checkout();
    leaveLock(root, { pid: process.pid, host: hostname() });
    const installing = install();
    await expect
      .poll(() => lines)
      .toEqual([`waiting for process ${process.pid}, which is installing the dependencies`]);
    expect(calls()).toEqual([]);
    rmSync(join(root, ".stillhouse", "install.lock"), { recursive: true });
    expect(await installing).toEqual({ installed: true });
  });

  it("leave a store alone that lies beside the lock", async () => {
    const { install, root } = checkout();
    mkdirSync(join(root, ".stillhouse"));
    writeFileSync(join(root, ".stillhouse", "run"), "");
    await install();
    expect(readdirSync(join(root, ".stillhouse"))).toEqual(["run"]);
  });
});

describe("the native TensorFlow", () => {
  const lastLine = (lines: string[]) => lines.at(-1);

  it("is left out when the host of its download accepts and never answers, and the installation goes on", async () => {
    const { install, lines, calls } = checkout();
    const probeUrl = `${await serve({ "/": hang })}/`;
    expect(await install({ gpuSeen: true, probeUrl, probeMs: 200 })).toEqual({ installed: true });
    expect(lastLine(lines)).toMatch(
      /^native TensorFlow: left out \(its download is out of reach: 127\.0\.0\.1:\d+ .*0\.2 s\)$/,
    );
    expect(calls()).toEqual([CI]);
  });

  it("is installed by its own script when a GPU is seen and the host answers", async () => {
    const { install, lines, calls } = checkout();
    const probeUrl = `${await serve({ "/": send("") })}/`;
    await install({ gpuSeen: true, probeUrl });
    expect(calls()).toEqual([
      CI,
      "rebuild @tensorflow/tfjs-node-gpu --ignore-scripts=false --foreground-scripts",
    ]);
    expect(lastLine(lines)).toMatch(/^native TensorFlow: installed in \d+ s$/);
  });

  it("is killed when its script does not end within the limit, which is no error", async () => {
    const { install, lines, set, root } = checkout();
    set("rebuild-hangs");
    const probeUrl = `${await serve({ "/": send("") })}/`;
    expect(await install({ gpuSeen: true, probeUrl, limitMs: 300 })).toEqual({ installed: true });
    expect(lastLine(lines)).toBe(
      "native TensorFlow: left out (its install did not end within 0.3 s; " +
        `see ${join(root, "node_modules", ".stillhouse-native.log")})`,
    );
  });

  it("is tried later too when STILLHOUSE_NATIVE=1 asks for it, until it is there", async () => {
    const { install, lines, calls } = checkout();
    const probeUrl = `${await serve({ "/": send("") })}/`;
    await install({ gpuSeen: false });
    expect(await install({ gpuSeen: false, probeUrl }, { STILLHOUSE_NATIVE: "1" })).toEqual({
      installed: false,
    });
    expect(lastLine(lines)).toMatch(/^native TensorFlow: installed in/);
    await install({ gpuSeen: false, probeUrl }, { STILLHOUSE_NATIVE: "1" });
    expect(calls()).toHaveLength(2);
  });

  it("is left out by STILLHOUSE_NATIVE=0, whatever is seen", async () => {
    const { install, lines, calls } = checkout();
    await install({ gpuSeen: true }, { STILLHOUSE_NATIVE: "0" });
    expect(lastLine(lines)).toBe("native TensorFlow: left out (STILLHOUSE_NATIVE=0)");
    expect(calls()).toEqual([CI]);
  });
});

function leaveLock(root: string, owner: { pid: number | undefined; host: string }) {
  const lock = join(root, ".stillhouse", "install.lock");
  mkdirSync(lock, { recursive: true });
  writeFileSync(join(lock, "owner.json"), JSON.stringify({ token: "left", ...owner }));
  return join(lock, "owner.json");
}

async function outputOf(child: ChildProcess) {
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout?.on("data", (text) => {
    output += text;
  });
  await once(child, "close");
  return output;
}
