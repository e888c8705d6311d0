import { appendFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { RunFailed } from "../../coordinator/failures.ts";
import { anySignal } from "../../shared/bus/anySignal.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import type { BackendName } from "../../shared/compute/backendNames.ts";
import type { DeviceChoice } from "../../shared/compute/deviceNames.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { loadVariants, type Variant } from "../../shared/config/variants.ts";
import { messageOf } from "../../shared/errors.ts";
import { compareReports, type FailedVariant } from "../../shared/evaluate/comparison.ts";
import type { AnyReport } from "../../shared/evaluate/taskReportSchema.ts";
import { chooseBus, type ServerChoice, withServer } from "../local/chooseBus.ts";
import { writeWhole } from "../local/files.ts";
import { INTERRUPTED, unlessInterrupted } from "../local/interruption.ts";
import { runNodes } from "../local/nodes.ts";
import { type OutFolder, openOutFolder, writeReport } from "../local/outFolder.ts";
import { Processes } from "../local/processes.ts";
import { refuseMissingDevice } from "../local/refuseMissingDevice.ts";
import { nodesOf, sharesOf, threadsEach } from "../local/threads.ts";
import { makeLogger } from "../logger.ts";
import { credentialsOf } from "../openBus.ts";
import { startCoordinator } from "../roles.ts";
import { stopSignals } from "../stopSignals.ts";
import { comparisonTable } from "../view/comparisonTable.ts";
import { watchRun } from "../view/watchRun.ts";

export interface CompareOptions extends ServerChoice {
  out?: string;
  creds?: string;
  backend?: BackendName;
  device?: DeviceChoice;
  fresh?: boolean;
}

/** `stillhouse compare`: one run a variant, over one label log and the same nodes, and a table. @returns the exit code */
export async function compare(specPath: string, options: CompareOptions): Promise<number> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const { variants, baseDir } = await loadVariants(specPath);
  const [{ spec }] = variants as [Variant];
  const folder = resolve(options.out ?? `runs/${spec.name}-compare`);
  await refuseMissingDevice(options.device);
  const place = await chooseBus({ ...options, bus: "nats" }, say);
  if (place.kind === "memory") throw new RangeError("A server was asked for, and the memory bus was chosen");
  const signal = stopSignals();
  const nodes = nodesOf(spec, ...variants.map((variant) => variant.spec));
  const threads = threadsEach(nodes);
  say(sharesOf({ ...spec, nodes }, threads));
  say(`${variants.length} variants, reports in ${folder}.`);
  const running = withServer(place, options, say, signal, (url) =>
    runVariants({ variants, baseDir, folder, url, nodes, threads, options, signal, say }),
  );
  const ran = await unlessInterrupted(running, signal);
  if (!ran) {
    say("Interrupted. The same command goes on with the variant that was under way.");
    return INTERRUPTED;
  }
  const comparison = compareReports(ran.reports, ran.failed);
  writeWhole(join(folder, "comparison.json"), `${JSON.stringify(comparison, null, 2)}\n`);
  process.stdout.write(`${comparisonTable(comparison, folder)}\n`);
  return ran.failed.length > 0 ? 1 : 0;
}

interface Comparing {
  readonly variants: readonly Variant[];
  readonly baseDir: string;
  readonly folder: string;
  readonly url: string;
  readonly nodes: RunSpec["nodes"];
  readonly threads: number;
  readonly options: CompareOptions;
  readonly signal: AbortSignal;
  say(line: string): void;
}

interface RanVariants {
  readonly reports: { name: string; report: AnyReport }[];
  readonly failed: FailedVariant[];
}

/**
 * A variant that fails is left out, as others may say enough; the first is what they are compared with.
 * @returns undefined when `signal` aborted first
 * @throws RunFailed of the first variant
 */
async function runVariants(of: Comparing): Promise<RanVariants | undefined> {
  const { variants, folder, url, nodes, options, threads, signal, say } = of;
  const notices: string[] = [];
  const processes = new Processes(join(folder, "logs"), (text) => notices.push(text));
  const compute = { prefer: options.backend, device: options.device };
  let serving: Promise<never> | undefined;
  // Not before they are needed: all variants may be there already.
  const nodesFail = (): Promise<never> => {
    serving ??= runNodes(processes, nodes, { url, creds: options.creds, compute, threads });
    return serving;
  };
  try {
    const ran: RanVariants = { reports: [], failed: [] };
    for (const [place, variant] of variants.entries()) {
      const out = openOutFolder(
        join(folder, slugOf(variant, place)),
        variant.spec,
        "nats",
        options.fresh ?? false,
      );
      try {
        say(`${place + 1} of ${variants.length}: ${variant.name}${out.finished ? ", there already" : ""}`);
        const report =
          out.finished ?? (await Promise.race([coordinate(of, variant, out, notices), nodesFail()]));
        if (!report || signal.aborted) return undefined;
        if (!out.finished) await writeReport(out, report);
        ran.reports.push({ name: variant.name, report });
      } catch (error) {
        if (!(error instanceof RunFailed) || place === 0) throw error;
        say(messageOf(error));
        ran.failed.push({ name: variant.name, reason: messageOf(error) });
      } finally {
        out.release();
      }
    }
    return ran;
  } finally {
    await processes.stop();
  }
}

/** Coordinates one variant in this process, and shows how it goes. */
async function coordinate(
  { baseDir, folder, url, threads, options, signal }: Comparing,
  { spec }: Variant,
  out: OutFolder,
  notices: string[],
): Promise<AnyReport | undefined> {
  const bus = await connectNats({ url, name: `compare ${out.run}`, signal, ...credentialsOf(options.creds) });
  const stop = new AbortController();
  const until = anySignal(signal, stop.signal);
  const view = watchRun(bus, out.run, process.stderr, until, notices);
  try {
    const write = (line: string): void => appendFileSync(join(folder, "logs", "coordinator.log"), line);
    return await startCoordinator(
      {
        bus,
        signal: until,
        makeLog: (node) => makeLogger({ node }, { write }),
        // A coordinator computes nothing.
        compute: {},
      },
      { spec, baseDir, run: out.run, threads },
    );
  } finally {
    stop.abort();
    await view;
    await bus.close();
  }
}

/** Of a folder: the place keeps two variants apart whose names look alike. */
function slugOf({ name }: Variant, place: number): string {
  const words = name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return `${String(place).padStart(2, "0")}-${words.slice(0, 60)}`;
}
