import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, it } from "vitest";
import { findNatsServer } from "../../cli/bootstrap/nats-server.mjs";
import { tempFolder } from "./tempFolder.ts";

/** A machine whose PATH has this apt-get, and a dpkg-deb that unpacks a server of `version`. */
function machine(aptGet: string, version = "2.10.2") {
  const bin = tempFolder();
  const cacheDir = join(tempFolder(), "cache");
  const program = (name: string, text: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  program("apt-get", `echo "$@" >> "${bin}/calls"\n${aptGet}`);
  program(
    "dpkg-deb",
    `mkdir -p "$3/usr/sbin"
     printf '#!/bin/sh\\necho "nats-server: v${version}"\\n' > "$3/usr/sbin/nats-server"
     chmod 755 "$3/usr/sbin/nats-server"`,
  );
  // The shell scripts need the system's folders; their nats-server, if any, is a few folders further.
  const env = { PATH: [bin, "/usr/bin", "/bin"].join(delimiter) };
  return {
    cacheDir,
    find: () =>
      findNatsServer({ env, cacheDir, systemDirs: [], allowDownload: false, platform: "linux", arch: "x64" }),
  };
}

const DOWNLOAD = `[ "$1" = download ] && : > nats-server_2.10.2_amd64.deb`;

describe.skipIf(process.platform === "win32")("the package of Debian and Ubuntu", () => {
  it("gives its nats-server to the cache, without being installed, and is not fetched again", async () => {
    const { find, cacheDir } = machine(DOWNLOAD);
    expect(await find()).toEqual({
      kind: "binary",
      path: join(cacheDir, "nats-server-apt-x64"),
      version: "2.10.2",
      source: "package-manager",
    });
    expect(readdirSync(cacheDir)).toEqual(["nats-server-apt-x64"]);
    expect(await find()).toMatchObject({ source: "cache", version: "2.10.2" });
  });

  it.runIf(process.getuid?.() === 0)(
    "is fetched after an update where root has no package lists yet",
    async () => {
      const { find } = machine(
        `here=$(dirname "$0"); if [ "$1" = update ]; then : > "$here/updated"; exit 0; fi
       [ -e "$here/updated" ] || { echo "E: Unable to locate package nats-server" >&2; exit 100; }
       ${DOWNLOAD}`,
      );
      expect(await find()).toMatchObject({ kind: "binary", source: "package-manager" });
    },
  );

  it.each([
    [
      "what apt-get says",
      `echo "E: Unable to locate package nats-server" >&2; exit 100`,
      "2.10.2",
      'package manager: apt-get says "Unable to locate package nats-server"',
    ],
    [
      "the version of one that is too old",
      DOWNLOAD,
      "2.7.4",
      "package manager: the package's nats-server is version 2.7.4, and Stillhouse needs 2.9.10 or newer",
    ],
  ])("is refused with %s, and leaves nothing in the cache", async (_, aptGet, version, reason) => {
    const { find, cacheDir } = machine(aptGet, version);
    mkdirSync(cacheDir);
    expect(await find()).toMatchObject({ kind: "none", reasons: ["PATH: it holds no nats-server", reason] });
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  it("is no way where there is no apt-get", async () => {
    const found = await findNatsServer({
      env: { PATH: tempFolder() },
      systemDirs: [],
      cacheDir: tempFolder(),
      allowDownload: false,
      platform: "linux",
    });
    expect(found).toMatchObject({
      reasons: ["PATH: it holds no nats-server", "package manager: this system has no apt-get"],
    });
  });
});
