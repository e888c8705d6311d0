import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { readReport } from "../../coordinator/report.ts";
import { aborted } from "../../shared/bus/aborted.ts";
import { anySignal } from "../../shared/bus/anySignal.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import { MemoryHub } from "../../shared/bus/memory/hub.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import type { BackendName } from "../../shared/compute/backendNames.ts";
import type { RoleCompute } from "../../shared/compute/computeSettings.ts";
import type { DeviceChoice } from "../../shared/compute/deviceNames.ts";
import { loadSpec } from "../../shared/config/load.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { AnyReport } from "../../shared/evaluate/taskReportSchema.ts";
import { chooseBus, withServer } from "../local/chooseBus.ts";
import { INTERRUPTED, unlessInterrupted } from "../local/interruption.ts";
import { runNodes, serverArguments } from "../local/nodes.ts";
import { type OutFolder, openOutFolder, writeReport } from "../local/outFolder.ts";
import { Processes } from "../local/processes.ts";
import { refuseMissingDevice } from "../local/refuseMissingDevice.ts";
import { nodesOf, sharesOf, threadsEach } from "../local/threads.ts";
import { makeLogger } from "../logger.ts";
import { credentialsOf } from "../openBus.ts";
import { type RoleStart, startCoordinator, startStudent, startTeacher } from "../roles.ts";
import { stopSignals } from "../stopSignals.ts";
import { summarise } from "../view/summary.ts";
import { watchRun } from "../view/watchRun.ts";

export interface RunOptions {
  out?: string;
  store: string;
  nats?: string;
  creds?: string;
  bus?: "nats" | "memory";
  fresh?: boolean;
  backend?: BackendName;
  device?: DeviceChoice;
}

/** `stillhouse run`: all roles on this machine, to the report. @returns the exit code */
export async function run(specPath: string, options: RunOptions): Promise<number> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const { spec, baseDir } = await loadSpec(specPath);
  await refuseMissingDevice(options.device);
  const place = await chooseBus(options, say);
  const out = openOutFolder(options.out ?? `runs/${spec.name}`, spec, place.kind, options.fresh ?? false);
  const signal = stopSignals();
  try {
    if (out.finished) {
      say(`Run ${out.run} has ended already; --fresh starts over.`);
      process.stdout.write(`${summarise(out.finished, out.folder)}\n`);
      return 0;
    }
    const compute = { prefer: options.backend, device: options.device };
    const threads = threadsEach(nodesOf(spec));
    say(sharesOf({ ...spec, nodes: nodesOf(spec) }, threads));
    say(out.resumed ? `Going on with run ${out.run}.` : `Run ${out.run}, report in ${out.folder}.`);
    const running =
      place.kind === "memory"
        ? runInProcess({ spec, baseDir, out, signal, compute, threads, note: place.note })
        : withServer(place, options, say, signal, (url) =>
            runProcesses({ spec, specPath, out, signal, url, compute, threads, creds: options.creds }),
          );
    const report = await unlessInterrupted(running, signal);
    if (!report) {
      say(
        place.kind === "nats"
          ? `${signal.aborted ? "Interrupted" : "Told to stop"}. The same command goes on with run ${out.run}.`
          : "Interrupted. On the memory bus nothing is kept: the same command starts anew.",
      );
      return INTERRUPTED;
    }
    await writeReport(out, report);
    process.stdout.write(`${summarise(report, out.folder)}\n`);
    return 0;
  } finally {
    out.release();
  }
}

/** Starts one process a role and watches them. @returns undefined when `signal` aborted first, or the run was told to stop */
async function runProcesses(of: {
  spec: RunSpec;
  specPath: string;
  out: OutFolder;
  signal: AbortSignal;
  url: string;
  compute: RoleCompute;
  threads: number;
  creds: string | undefined;
}): Promise<AnyReport | undefined> {
  const { spec, specPath, out, signal, url, compute, threads, creds } = of;
  const bus = await connectNats({
    url,
    name: `run ${out.run}`,
    signal,
    ...credentialsOf(creds),
  });
  if (signal.aborted) {
    await bus.close();
    return undefined;
  }
  const notices: string[] = [];
  const processes = new Processes(join(out.folder, "logs"), (text) => notices.push(text));
  const stopView = new AbortController();
  const view = watchRun(bus, out.run, process.stderr, anySignal(signal, stopView.signal), notices);
  try {
    const nodes = runNodes(processes, nodesOf(spec), { url, creds, compute, threads });
    const coordinator = processes.run(
      "coordinator",
      ["coordinator", specPath, "--run", out.run, "--threads", String(threads), ...serverArguments(creds)],
      true,
    );
    const ended = await Promise.race([
      coordinator.then(() => "done" as const),
      aborted(signal).then(() => "interrupted" as const),
      nodes,
    ]);
    if (ended === "interrupted") return undefined;
    // Without one, the run was told to stop.
    return await readReport(bus, out.run);
  } finally {
    await processes.stop();
    stopView.abort();
    await view;
    await bus.close();
  }
}

/** All roles in this process, on the memory bus; computing is in worker threads all the same. */
async function runInProcess(of: {
  spec: RunSpec;
  baseDir: string;
  out: OutFolder;
  signal: AbortSignal;
  compute: RoleCompute;
  threads: number;
  note: string;
}): Promise<AnyReport | undefined> {
  const { spec, baseDir, out, signal, compute, threads, note } = of;
  const hub = new MemoryHub({ onError: (error) => makeLogger({ bus: "memory" }).error(error) });
  const logs = join(out.folder, "logs");
  mkdirSync(logs, { recursive: true });
  const stop = new AbortController();
  const until = anySignal(signal, stop.signal);
  const buses: Bus[] = [];
  const start = (role: string): RoleStart => {
    const bus = hub.connect(role);
    buses.push(bus);
    const makeLog = (node: string) =>
      makeLogger({ node }, { write: (line) => appendFileSync(join(logs, `${role}.log`), line) });
    return { bus, signal: until, makeLog, compute };
  };
  const roles: Promise<unknown>[] = [];
  try {
    const view = watchRun(start("view").bus, out.run, process.stderr, until, []);
    for (let i = 1; i <= nodesOf(spec).teachers; i++) roles.push(startTeacher(start(`teacher-${i}`)));
    roles.push(startStudent(start("student")), view);
    const coordinator = startCoordinator(start("coordinator"), {
      spec,
      baseDir,
      run: out.run,
      threads,
      busNote: note,
    });
    return await Promise.race([coordinator, Promise.all(roles).then(() => undefined)]);
  } finally {
    stop.abort();
    await Promise.allSettled(roles);
    await Promise.all(buses.map((bus) => bus.close()));
  }
}
