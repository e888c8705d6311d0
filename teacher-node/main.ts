import type { Logger } from "pino";
import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { followRuns } from "../shared/cluster/followRuns.ts";
import type { Pulse } from "../shared/cluster/heartbeat.ts";
import { GRACE_MS, liveAsNode } from "../shared/cluster/nodeLife.ts";
import { DEFAULT_THREADS } from "../shared/compute/computeSettings.ts";
import { DataSources } from "../shared/data/openSource.ts";
import { messageOf } from "../shared/errors.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import type { TeacherCompute } from "./compute.ts";
import { CHECKPOINT_MS, emptyCounters, type NodeContext, type ServedTeacher } from "./context.ts";
import { ItemsAtDevice } from "./itemsAtDevice.ts";
import { serveLabelling } from "./serve.ts";
import { pullTrainings } from "./trainQueue.ts";
import { WantedRecipes } from "./wantedRecipes.ts";

export interface TeacherNodeOptions {
  bus: Bus;
  compute: TeacherCompute;
  node: string;
  clock: Clock;
  /** Where relative data paths start on this machine; absent: where the run's spec is. */
  dataRoot?: string | undefined;
  /** What several nodes of one process have in common; absent: a node opens its data itself. */
  data?: DataSources;
  /** Between two checkpoints of a training; absent: a minute. */
  checkpointMs?: number | undefined;
  /** How long it may take for the last one when it is to end; absent: `GRACE_MS`. */
  graceMs?: number | undefined;
  log: Logger;
  signal: AbortSignal;
}

/**
 * A teacher node: pulls work for the teachers of all live runs, predicts, appends the labels and acknowledges after
 * the log has; trains teachers when asked. It keeps no state that matters, so it may be killed at any instant.
 * Ends when `signal` aborts or somebody tells it to: it finishes the chunks that it has, and hands the rest back.
 */
export async function runTeacherNode(options: TeacherNodeOptions): Promise<void> {
  const { bus, compute, node, clock, log, signal } = options;
  const context: Omit<NodeContext, "signal"> = {
    ...options,
    data: options.data ?? new DataSources(options.dataRoot),
    checkpointMs: options.checkpointMs ?? CHECKPOINT_MS,
    graceMs: options.graceMs ?? GRACE_MS,
    counters: emptyCounters(),
    atDevice: new ItemsAtDevice(),
    inCompute: new Set(),
    recipes: new WantedRecipes(),
    doing: new Set(),
    serving: new Map(),
    refused: new Map(),
  };
  try {
    const { name: backend, version } = await compute.backend();
    log.info({ backend, version }, "teacher node ready");
    const pulse = (): Pulse => ({
      backend,
      doing: [...context.doing].join(", ") || "idle",
      serving: [...context.serving.values()].flatMap(({ teacher }) =>
        teacher.atWork ? teacher.labelling : [],
      ),
      refused: [...context.refused].map(([labelling, why]) => ({ labelling, why })),
      ...context.counters,
    });
    await liveAsNode({ bus, clock, role: "teacher", node, log, signal, pulse }, async (until) => {
      const work = Promise.all([
        pullTrainings({ ...context, signal: until }),
        serveRuns({ ...context, signal: until }),
      ]);
      await (compute.gone ? Promise.race([work, compute.gone]) : work);
    });
  } finally {
    await compute.close();
    log.info(context.counters, "teacher node ended");
  }
}

/** Serves each ready teacher of each live run, once, for as long as some run needs it. */
async function serveRuns(context: NodeContext): Promise<void> {
  const { bus, clock, log, signal, serving } = context;
  const live = new Map<string, RunRecord>();
  const ends = new Map<string, Promise<void>>();
  const onRun = (record: RunRecord, runIsWanted: boolean): void => {
    if (runIsWanted) live.set(record.run, record);
    else live.delete(record.run);
    context.recipes.update(live.values());

    const wanted = neededTeachers([...live.values()]);
    for (const [labelling, { teacher, stop }] of serving) {
      // Who was let in, or was not, by another rule asks again.
      if (wanted.get(labelling)?.numerics === teacher.numerics) continue;
      stop.abort();
      serving.delete(labelling);
      context.refused.delete(labelling);
    }
    for (const [labelling, teacher] of wanted) {
      const served = serving.get(labelling);
      if (served) {
        served.teacher.runs = teacher.runs;
        continue;
      }
      const stop = new AbortController();
      serving.set(labelling, { teacher, stop });
      // An earlier serving of the same teacher unloads it when it ends.
      const before = ends.get(labelling) ?? Promise.resolve();
      const until = anySignal(stop.signal, signal);
      ends.set(
        labelling,
        before
          .then(() => serveLabelling(context, teacher, until))
          .catch((error: unknown) => log.error({ teacher: teacher.name, error }, messageOf(error))),
      );
    }
  };
  await followRuns({ bus, clock, signal, onRun, onBad: (error) => log.error(messageOf(error)) });
  await Promise.all(ends.values());
}

/** The teachers of the given runs that are there and have a model, by labelling. */
function neededTeachers(runs: readonly RunRecord[]): Map<string, ServedTeacher> {
  const needed = new Map<string, ServedTeacher>();
  for (const run of runs) {
    for (const { name, ready } of run.teachers) {
      if (!ready?.model) continue;
      const known = needed.get(ready.labelling);
      const strict = run.spec.numerics === "strict" || known?.numerics === "strict";
      needed.set(ready.labelling, {
        name: known?.name ?? name,
        ...ready,
        model: ready.model,
        runs: known ? [...known.runs, run] : [run],
        numerics: strict ? "strict" : "tolerant",
        threads: DEFAULT_THREADS,
        quantised: null,
        admitted: new Map(),
        atWork: false,
      });
    }
  }
  return needed;
}
