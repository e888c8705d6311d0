import { availableParallelism, cpus, totalmem } from "node:os";
import { type BackendProbe, probeBackends } from "../../shared/compute/backend.ts";
import { missingFor, openDevice } from "../../shared/compute/compiled/devices.ts";
import { gpuDevices, type OnnxDevice } from "../../shared/compute/deviceNames.ts";
import { messageOf } from "../../shared/errors.ts";
import { describeNatsServer, findNatsServer } from "../bootstrap/nats-server.mjs";

export interface DoctorOptions {
  bench: boolean;
}

/** `stillhouse doctor`: what this machine has, which backend computes here, and why the others do not. */
export async function doctor({ bench }: DoctorOptions): Promise<number> {
  const print = (...lines: string[]): void => void process.stdout.write(`${lines.join("\n")}\n`);
  const server = await findNatsServer({ allowDownload: false, allowPackageManager: false });
  const probes = await probeBackends();
  print(
    `node      ${process.version} on ${process.platform} ${process.arch}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GB`,
    `nats      ${describeNatsServer(server)}`,
    "backends",
    ...backendLines(probes),
    ...(await deviceLines()),
  );
  if (bench) print("", ...(await benchLines(probes)));
  return 0;
}

function backendLines(probes: readonly BackendProbe[]): string[] {
  const chosen = probes.find(({ usable }) => usable)?.backend;
  return probes.map(({ backend, usable, version, device, threads, why }) => {
    const name = `  ${backend === chosen ? "*" : " "} ${backend.padEnd(14)}`;
    if (!usable) return `${name} not usable: ${why}`;
    const used = backend === chosen ? "used" : `used with --backend ${backend}`;
    return `${name} ${version}; on the ${device}, threads: ${threads}; ${why}; ${used}`;
  });
}

/** What ONNX Runtime has beside the CPU. Trying a device may print, so that only --bench and --device do. */
async function deviceLines(): Promise<string[]> {
  return Promise.all(
    gpuDevices.map(async (device) => {
      const missing = await missingFor(device);
      const text = missing === null ? `not tried; used with --device ${device}` : `not usable: ${missing}`;
      return `    compiled on ${device}: ${text}`;
    }),
  );
}

/** Milliseconds a training step, of every backend that works, and of the compiled one on every device. */
async function benchLines(probes: readonly BackendProbe[]): Promise<string[]> {
  const { TIMED_BATCH, timedNetNames, timeStep } = await import("../doctor/timeSteps.ts");
  const threads = availableParallelism();
  const usable = probes
    .filter((probe) => probe.usable)
    .map(({ backend }) => ({ backend, device: "cpu" as OnnxDevice }));
  const devices = usable.some(({ backend }) => backend === "compiled")
    ? gpuDevices.map((device) => ({ backend: "compiled" as const, device }))
    : [];
  const rows: string[][] = [];
  for (const { backend, device } of [...usable, ...devices]) {
    const name = device === "cpu" ? backend : `${backend} on ${device}`;
    const times: string[] = [];
    try {
      await openDevice(device);
      for (const net of timedNetNames) {
        process.stderr.write(`timing ${name}, ${net} ...\n`);
        times.push((await timeStep(net, { backend, device, threads })).toPrecision(3));
      }
    } catch (error) {
      times.push(messageOf(error));
    }
    rows.push([`    ${name}`, ...times]);
  }
  return [
    `ms a training step, batch ${TIMED_BATCH}, ${threads} threads where a backend has them; median of what runs in a second`,
    ...columns([["    backend", "dense 784-128-128-10", "conv 8, 16, dense 64"], ...rows]),
  ];
}

/** Rows with cells of equal width. */
function columns(rows: readonly string[][]): string[] {
  // The reason why a row has no times stands alone in it, and may be long.
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(...rows.map((row) => (row.length === rows[0]?.length ? (row[i]?.length ?? 0) : 0))),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
