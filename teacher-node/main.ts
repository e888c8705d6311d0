import type { Logger } from "pino";
import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { beat } from "../shared/bus/heartbeat.ts";
import { isLive, watchRuns } from "../shared/bus/watchRuns.ts";
import { DataSources } from "../shared/data/openSource.ts";
import { messageOf } from "../shared/errors.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import type { TeacherCompute } from "./compute.ts";
import { emptyCounters, type NodeContext } from "./context.ts";
import { serveLabelling } from "./serve.ts";
import { pullTrainings } from "./trainQueue.ts";

export interface TeacherNodeOptions {
  bus: Bus;
  compute: TeacherCompute;
  node: string;
  clock: Clock;
  /** Where relative data paths start on this machine; absent: where the run's spec is. */
  dataRoot?: string | undefined;
  log: Logger;
  signal: AbortSignal;
}

/**
 * A teacher node: pulls work for the teachers of all live runs, predicts, appends the labels and acknowledges after
 * the log has; trains teachers when asked. It keeps no state that matters, so it may be killed at any instant.
 * Ends when `signal` aborts.
 */
export async function runTeacherNode(options: TeacherNodeOptions): Promise<void> {
  const { bus, compute, node, clock, log, signal } = options;
  const context: NodeContext = {
    ...options,
    data: new DataSources(options.dataRoot),
    counters: emptyCounters(),
    doing: new Set(),
    serving: new Map(),
  };
  const backend = await compute.backend();
  log.info({ backend }, "teacher node ready");

  const pulse = beat(
    bus,
    clock,
    { role: "teacher", node },
    () => ({
      backend,
      doing: [...context.doing].join(", ") || "idle",
      serving: [...context.serving.keys()],
      ...context.counters,
    }),
    signal,
  );
  try {
    await Promise.all([pulse, pullTrainings(context), followRuns(context)]);
  } finally {
    await compute.close();
    log.info(context.counters, "teacher node ended");
  }
}

/** Serves each ready teacher of each live run, once, for as long as some run needs it. */
async function followRuns(context: NodeContext): Promise<void> {
  const { bus, log, signal, serving } = context;
  const live = new Map<string, RunRecord>();
  const ends: Promise<void>[] = [];
  for await (const record of watchRuns(bus, signal, (error) => log.error(messageOf(error)))) {
    if (isLive(record)) live.set(record.run, record);
    else live.delete(record.run);

    const wanted = new Map(
      [...live.values()].flatMap((run) =>
        run.teachers.flatMap(({ name, ready }) =>
          ready ? [[ready.labelling, { run, name, ...ready }] as const] : [],
        ),
      ),
    );
    for (const [labelling, stop] of serving) {
      if (wanted.has(labelling)) continue;
      stop.abort();
      serving.delete(labelling);
    }
    for (const [labelling, teacher] of wanted) {
      if (serving.has(labelling)) continue;
      const stop = new AbortController();
      serving.set(labelling, stop);
      ends.push(serveLabelling(context, teacher, anySignal(stop.signal, signal)));
    }
  }
  await Promise.all(ends);
}
