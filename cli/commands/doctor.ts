import { cpus, totalmem } from "node:os";
import { probeBackends } from "../../shared/compute/backend.ts";
import { describeNatsServer, findNatsServer } from "../bootstrap/nats-server.mjs";

/** `stillhouse doctor`: what this machine has, which backend computes here, and why the others do not. */
export async function doctor(): Promise<number> {
  const server = await findNatsServer({ allowDownload: false, allowPackageManager: false });
  const backends = await probeBackends();
  const chosen = backends.find(({ usable }) => usable)?.backend;
  const lines = [
    `node      ${process.version} on ${process.platform} ${process.arch}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GB`,
    `nats      ${describeNatsServer(server)}`,
    "backends",
    ...backends.map(
      ({ backend, version, why }) =>
        `  ${backend === chosen ? "*" : " "} ${backend.padEnd(14)} ${version ? `${version}; ` : ""}${why}`,
    ),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}
