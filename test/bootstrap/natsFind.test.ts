import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  defaultCacheDir,
  describeNatsServer,
  findNatsServer,
  withoutCredentials,
} from "../../cli/bootstrap/nats-server.mjs";
import { writeNatsScript } from "./releaseServer.ts";
import { tempFolder } from "./tempFolder.ts";

const bootstrap = fileURLToPath(new URL("../../cli/bootstrap/", import.meta.url));

/** A folder with a nats-server that says `version`. */
function folderWith(version: string) {
  const dir = tempFolder();
  writeNatsScript(join(dir, "nats-server"), version);
  return dir;
}

/** Looks on this machine alone, and only where the test says. */
function find(env: NodeJS.ProcessEnv, systemDirs: string[] = []) {
  return findNatsServer({
    env,
    systemDirs,
    cacheDir: tempFolder(),
    allowDownload: false,
    allowPackageManager: false,
  });
}

describe.skipIf(process.platform === "win32")("the search for a NATS server", () => {
  it("takes NATS_URL before NATS_SERVER_BIN before PATH before the system folders", async () => {
    const [bin, path, system] = [folderWith("2.10.1"), folderWith("2.10.2"), folderWith("2.10.3")];
    const NATS_SERVER_BIN = join(bin, "nats-server");
    expect(await find({ NATS_URL: "nats://host:4222", NATS_SERVER_BIN, PATH: path }, [system])).toEqual({
      kind: "url",
      url: "nats://host:4222",
    });
    expect(await find({ NATS_SERVER_BIN, PATH: path }, [system])).toEqual({
      kind: "binary",
      path: NATS_SERVER_BIN,
      version: "2.10.1",
      source: "env",
    });
    expect(await find({ PATH: path }, [system])).toMatchObject({ version: "2.10.2", source: "path" });
    expect(await find({ PATH: "" }, [system])).toMatchObject({
      path: join(system, "nats-server"),
      version: "2.10.3",
    });
  });

  it("passes over NATS_URL for a caller that needs a server of its own", async () => {
    const env = { NATS_URL: "nats://host:4222", PATH: folderWith("2.10.2") };
    expect(await findNatsServer({ env, ignoreUrl: true })).toMatchObject({
      kind: "binary",
      version: "2.10.2",
    });
  });

  it("refuses a version older than 2.9.10 with the reason, and goes on along PATH", async () => {
    const old = folderWith("2.9.9");
    const reason = `PATH: ${join(old, "nats-server")} is version 2.9.9, and Stillhouse needs 2.9.10 or newer`;
    expect(await find({ PATH: old })).toMatchObject({ kind: "none", reasons: [reason] });

    const PATH = [old, folderWith("2.9.10")].join(delimiter);
    expect(await find({ PATH })).toMatchObject({ kind: "binary", version: "2.9.10" });
  });

  it("refuses what is no nats-server, and names what it printed or why it did not run", async () => {
    const dir = tempFolder();
    writeFileSync(join(dir, "nats-server"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
    expect(await find({ PATH: dir })).toMatchObject({
      reasons: [expect.stringContaining('does not say its version: `--version` printed "hello"')],
    });
    const broken = tempFolder();
    writeFileSync(join(broken, "nats-server"), "#!/bin/sh\nexit 3\n", { mode: 0o755 });
    expect(await find({ PATH: broken })).toMatchObject({
      reasons: [expect.stringContaining("cannot be run (3)")],
    });
  });

  it("stops at a NATS_SERVER_BIN that cannot be used instead of taking another server", async () => {
    const env = { NATS_SERVER_BIN: join(tempFolder(), "gone"), PATH: folderWith("2.10.2") };
    expect(await find(env)).toMatchObject({
      kind: "none",
      reasons: [`NATS_SERVER_BIN: ${env.NATS_SERVER_BIN} cannot be run (ENOENT)`],
      fix: expect.stringContaining("unset it"),
    });
  });

  it("says what to type when there is none", async () => {
    const found = await find({ PATH: tempFolder() });
    expect(found).toMatchObject({
      kind: "none",
      reasons: ["PATH: it holds no nats-server"],
      fix: expect.stringMatching(/Install nats-server 2\.9\.10 or newer.*NATS_SERVER_BIN.*NATS_URL/),
    });
  });

  it("runs as a command that prints what it found", () => {
    const dir = folderWith("2.10.2");
    const ended = runCommand({ PATH: dir });
    expect(ended.stdout).toBe(`NATS server: ${join(dir, "nats-server")}, version 2.10.2 (from path)\n`);
    expect(ended.status).toBe(0);
  });
});

describe("the credentials in NATS_URL", () => {
  const secrets = [
    "nats://ann:s3cret@host:4222",
    "s3crettoken@host:4222",
    "nats://ann:s3cret@a:4222,nats://bob:s3cret@host:4222",
    "nats://ann:s3,cret@s3cret@host:4222",
  ];

  it.each(secrets)("of %s are never logged or described", async (url) => {
    const lines: string[] = [];
    const found = await findNatsServer({ env: { NATS_URL: url }, log: (line) => lines.push(line) });
    expect(found).toEqual({ kind: "url", url });
    expect([...lines, describeNatsServer(found)]).toEqual(["NATS server: ***@host:4222 (from NATS_URL)"]);
  });

  it("are not printed by the command", () => {
    const ended = runCommand({ NATS_URL: "nats://ann:s3cret@host:4222" });
    expect(ended.stdout).toBe("NATS server: ***@host:4222 (from NATS_URL)\n");
    expect(ended.stderr).toBe("");
  });

  it("are not logged when the URL is passed over and nothing is found", async () => {
    const lines: string[] = [];
    const found = await findNatsServer({
      env: { NATS_URL: "nats://ann:s3cret@host:4222", PATH: "" },
      ignoreUrl: true,
      systemDirs: [],
      cacheDir: tempFolder(),
      fetchBase: "http://127.0.0.1:1",
      allowPackageManager: false,
      log: (line) => lines.push(line),
    });
    expect([...lines, describeNatsServer(found)].join("\n")).not.toContain("s3cret");
  });

  it("leave a URL without any as it is", () => {
    expect(withoutCredentials("nats://host:4222")).toBe("nats://host:4222");
  });
});

describe("the cache folder", () => {
  it("is STILLHOUSE_CACHE, then the platform's own", () => {
    expect(defaultCacheDir({ STILLHOUSE_CACHE: "/c", XDG_CACHE_HOME: "/x" }, "linux")).toBe("/c");
    expect(defaultCacheDir({ XDG_CACHE_HOME: "/x" }, "linux")).toBe(join("/x", "stillhouse"));
    expect(defaultCacheDir({ XDG_CACHE_HOME: "relative", HOME: "/h" }, "linux")).toBe(
      join("/h", ".cache", "stillhouse"),
    );
    expect(defaultCacheDir({ LOCALAPPDATA: "/l" }, "win32")).toBe(join("/l", "stillhouse"));
  });
});

/** Runs the command through a link, as the shims of package managers do. */
function runCommand(env: NodeJS.ProcessEnv) {
  const dir = tempFolder();
  mkdirSync(join(dir, "linked"));
  const link = join(dir, "linked", "bootstrap");
  symlinkSync(bootstrap, link, "junction");
  return spawnSync(process.execPath, [join(link, "nats-server.mjs")], { env, encoding: "utf8" });
}
