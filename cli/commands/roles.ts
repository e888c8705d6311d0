import type { Bus } from "../../shared/bus/bus.ts";
import { systemClock } from "../../shared/bus/clock.ts";
import { GRACE_MS } from "../../shared/cluster/nodeLife.ts";
import type { BackendName } from "../../shared/compute/backendNames.ts";
import { DEFAULT_THREADS } from "../../shared/compute/computeSettings.ts";
import type { DeviceChoice } from "../../shared/compute/deviceNames.ts";
import { loadSpec } from "../../shared/config/load.ts";
import { messageOf, StillhouseError } from "../../shared/errors.ts";
import type { RoleReport } from "../local/processes.ts";
import { refuseMissingDevice } from "../local/refuseMissingDevice.ts";
import { makeLogger } from "../logger.ts";
import { newRunId } from "../nodeId.ts";
import { type BusChoice, openBus } from "../openBus.ts";
import { type RoleStart, startCoordinator, startStudent, startTeacher } from "../roles.ts";
import { stopSignals } from "../stopSignals.ts";

/** Of a farewell on the bus, after what a node that is to end may take for its last checkpoints. */
const FAREWELL_MS = 500;

export interface NodeOptions extends BusChoice {
  name?: string;
  dataRoot?: string;
  backend?: BackendName;
  device?: DeviceChoice;
  /** In seconds. */
  grace?: number;
}

/** `stillhouse coordinator SPEC`: coordinates one run, and prints its report's JSON when it is done. */
export function coordinator(
  specPath: string,
  options: NodeOptions & { run?: string; threads?: number },
): Promise<number> {
  return inRole("coordinator", options, async (start) => {
    const { spec, baseDir } = await loadSpec(specPath);
    const report = await startCoordinator(start, {
      spec,
      baseDir,
      run: options.run ?? newRunId(spec.name),
      threads: options.threads ?? DEFAULT_THREADS,
    });
    if (report && !process.send) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  });
}

/** `stillhouse teacher`: one teacher node. */
export function teacher(options: NodeOptions): Promise<number> {
  return inRole("teacher", options, startTeacher);
}

/** `stillhouse student`: one student node. */
export function student(options: NodeOptions & { workers?: number }): Promise<number> {
  return inRole("student", options, (start) => startStudent(start, options.workers));
}

/** Connects, runs a role until it ends or is told to, and closes. An error goes to the parent too, where there is one. */
async function inRole(
  role: string,
  options: NodeOptions,
  run: (start: RoleStart) => Promise<void>,
): Promise<number> {
  const signal = stopSignals();
  try {
    await refuseMissingDevice(options.device);
    const bus = await openBus(options, role);
    const graceMs = options.grace === undefined ? GRACE_MS : options.grace * 1000;
    const leave = leaveAnyhow(bus, signal, graceMs + FAREWELL_MS);
    try {
      await run({
        bus,
        signal,
        makeLog: (node) => makeLogger({ node }),
        name: options.name,
        dataRoot: options.dataRoot,
        compute: { prefer: options.backend, device: options.device },
        graceMs,
      });
    } finally {
      leave();
      await bus.close();
    }
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    // What another try may mend is left to the parent, which starts this role again.
    const final = !(error instanceof StillhouseError && error.retry);
    if (final && process.send)
      process.send({ kind: "failed", message: messageOf(error) } satisfies RoleReport);
    throw error;
  }
}

/**
 * A role that is told to end says farewell on the bus, which waits for a server that is away: after a while it ends all
 * the same.
 * @returns takes that back
 */
function leaveAnyhow(bus: Bus, signal: AbortSignal, farewellMs: number): () => void {
  let cancel = (): void => undefined;
  const start = (): void => {
    cancel = systemClock.after(farewellMs, () => void bus.close());
  };
  signal.addEventListener("abort", start, { once: true });
  return () => {
    signal.removeEventListener("abort", start);
    cancel();
  };
}
