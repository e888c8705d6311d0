import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, utimesSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { findNatsServer } from "../../cli/bootstrap/nats-server.mjs";
import {
  ARCHIVE,
  hang,
  redirect,
  releaseArchive,
  send,
  serve,
  sha256,
  sums,
  truncated,
} from "./releaseServer.ts";
import { tempFolder } from "./tempFolder.ts";

const SUMS = "/v2.10.29/SHA256SUMS";
const FILE = `/v2.10.29/${ARCHIVE}`;

/** Looks for a server on a machine that has none, with only the download allowed. */
function download(fetchBase: string, cacheDir: string, limits: { connectMs?: number; idleMs?: number } = {}) {
  return findNatsServer({
    env: { PATH: "" },
    systemDirs: [],
    platform: "linux",
    arch: "x64",
    allowPackageManager: false,
    cacheDir,
    fetchBase,
    ...limits,
  });
}

/** The reason of the download that failed. */
async function reasonOf(fetchBase: string, cacheDir: string, limits = {}) {
  const found = await download(fetchBase, cacheDir, limits);
  if (found.kind !== "none") throw new Error(`expected nothing to be found, got ${found.kind}`);
  return found.reasons.find((reason) => reason.startsWith("download of 2.10.29: "));
}

const filesIn = (dir: string) => (existsSync(dir) ? readdirSync(dir) : []);

describe.skipIf(process.platform === "win32")("the download of a nats-server", () => {
  it("puts a release that its checksum confirms into the cache, and takes it from there afterwards", async () => {
    const archive = releaseArchive();
    const base = await serve({ [SUMS]: sums(archive), [FILE]: send(archive) });
    const cacheDir = join(tempFolder(), "made on the way");

    const first = await download(base, cacheDir);
    expect(first).toMatchObject({ kind: "binary", source: "download", version: "2.10.29" });
    expect(filesIn(cacheDir)).toEqual(["nats-server-2.10.29-linux-x64"]);

    const again = await download("http://127.0.0.1:1", cacheDir);
    expect(again).toMatchObject({ kind: "binary", source: "cache", version: "2.10.29" });
  });

  it("follows redirects", async () => {
    const archive = releaseArchive();
    const base = await serve({
      [SUMS]: sums(archive),
      [FILE]: redirect("/elsewhere/blob"),
      "/elsewhere/blob": send(archive),
    });
    expect(await download(base, tempFolder())).toMatchObject({ kind: "binary", source: "download" });
  });

  it("gives up on a redirect that leads to itself", async () => {
    const base = await serve({ [SUMS]: redirect(SUMS) });
    expect(await reasonOf(base, tempFolder())).toMatch(/redirected more than 5 times/);
  });

  it.each([
    {
      name: "an archive with another checksum",
      answers: (archive: Buffer) => ({ [SUMS]: sums(Buffer.from("other")), [FILE]: send(archive) }),
      reason: /has SHA-256 [0-9a-f]{64}, and SHA256SUMS says [0-9a-f]{64}$/,
    },
    {
      name: "a body that ends early",
      answers: (archive: Buffer) => ({ [SUMS]: sums(archive), [FILE]: truncated(archive) }),
      reason: /closed the connection before the end$/,
    },
    {
      name: "a release that is not there",
      answers: () => ({}),
      reason: /answered 404 for \/v2\.10\.29\/SHA256SUMS$/,
    },
    {
      name: "an archive that is not there",
      answers: (archive: Buffer) => ({ [SUMS]: sums(archive) }),
      reason: /answered 404 for \/v2\.10\.29\/nats-server-v2\.10\.29-linux-amd64\.tar\.gz$/,
    },
    {
      name: "a SHA256SUMS without the file",
      answers: (archive: Buffer) => ({
        [SUMS]: send(`${sha256(archive)}  nats-server-v2.10.29-linux-arm64.tar.gz\n`),
        [FILE]: send(archive),
      }),
      reason: /SHA256SUMS of v2\.10\.29 does not list nats-server-v2\.10\.29-linux-amd64\.tar\.gz$/,
    },
    {
      name: "an archive that tar cannot read",
      answers: () => {
        const noise = Buffer.from("not an archive");
        return { [SUMS]: sums(noise), [FILE]: send(noise) };
      },
      reason: /tar cannot unpack nats-server-v2\.10\.29-linux-amd64\.tar\.gz/,
    },
    {
      name: "a binary of a version that is too old",
      answers: () => {
        const old = releaseArchive("2.8.4");
        return { [SUMS]: sums(old), [FILE]: send(old) };
      },
      reason: /is version 2\.8\.4, and Stillhouse needs 2\.9\.10 or newer$/,
    },
  ])("refuses $name, and leaves nothing in the cache", async ({ answers, reason }) => {
    const base = await serve(answers(releaseArchive()));
    const cacheDir = tempFolder();
    expect(await reasonOf(base, cacheDir)).toMatch(reason);
    expect(filesIn(cacheDir)).toEqual([]);
  });

  it("gives up on a server that accepts and never answers, and leaves nothing in the cache", async () => {
    const archive = releaseArchive();
    const limits = { idleMs: 200 };
    const cacheDir = tempFolder();
    expect(await reasonOf(await serve({ [SUMS]: hang }), cacheDir, limits)).toMatch(
      /sent nothing for 0\.2 s$/,
    );
    const base = await serve({ [SUMS]: sums(archive), [FILE]: hang });
    expect(await reasonOf(base, cacheDir, limits)).toMatch(/sent nothing for 0\.2 s$/);
    expect(filesIn(cacheDir)).toEqual([]);
  });

  it("gives up on a connection that does not come to stand", async () => {
    // It accepts, and never answers the greeting of TLS.
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void silent.close());
    const base = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    expect(await reasonOf(base, tempFolder(), { connectMs: 200 })).toMatch(/was not reached within 0\.2 s$/);
  });

  it("names the address that refuses the connection", async () => {
    expect(await reasonOf("http://127.0.0.1:1", tempFolder())).toMatch(
      /127\.0\.0\.1:1 failed \(ECONNREFUSED\)$/,
    );
  });

  it("leaves no binary when it is killed, and the next one sweeps what was abandoned", async () => {
    const archive = releaseArchive();
    let reached = () => {};
    const halfSent = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const base = await serve({
      [SUMS]: sums(archive),
      [FILE]: (_, response) => {
        response.writeHead(200, { "content-length": archive.length });
        response.write(archive.subarray(0, archive.length / 2), () => reached());
      },
    });
    const cacheDir = tempFolder();
    const module = new URL("../../cli/bootstrap/nats-server.mjs", import.meta.url).href;
    const where = { env: {}, systemDirs: [], platform: "linux", arch: "x64", cacheDir, fetchBase: base };
    const options = { ...where, allowPackageManager: false };
    const script = `import { findNatsServer } from ${JSON.stringify(module)};
      await findNatsServer(${JSON.stringify(options)});`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    await halfSent;
    child.kill("SIGKILL");
    await once(child, "exit");

    const left = filesIn(cacheDir);
    expect(left).toEqual([expect.stringMatching(/^\.draft-/)]);
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const name of left) utimesSync(join(cacheDir, name), longAgo, longAgo);
    const good = await serve({ [SUMS]: sums(archive), [FILE]: send(archive) });
    expect(await download(good, cacheDir)).toMatchObject({ source: "download" });
    expect(filesIn(cacheDir)).toEqual(["nats-server-2.10.29-linux-x64"]);
  });

  it("says so where no release is made for the platform", async () => {
    const found = await findNatsServer({
      env: {},
      systemDirs: [],
      platform: "sunos",
      arch: "x64",
      cacheDir: tempFolder(),
    });
    expect(found).toMatchObject({
      kind: "none",
      reasons: ["PATH: it holds no nats-server", "download of 2.10.29: no release is made for sunos-x64"],
    });
  });
});
