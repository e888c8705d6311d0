import { postFault } from "../shared/bus/faults.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import type { RunRecord, RunTeacher } from "../shared/protocol/run.ts";
import { buckets, labelWorkFilter, streams } from "../shared/protocol/subjects.ts";
import { ACK_WAIT_MS, MAX_DELIVER, type NodeContext } from "./context.ts";
import { labelChunk } from "./labelChunk.ts";

/** A teacher of a live run, as this node is to serve it. */
export interface ServedTeacher extends NonNullable<RunTeacher["ready"]> {
  readonly run: RunRecord;
  readonly name: string;
}

/** Items pulled at once: enough that the next is here when one is done, few enough that a fast node takes more. */
const PULL = 2;
const PULL_WAIT_MS = 2_000;

/**
 * Loads a teacher and labels chunks with it until `signal` aborts. What trying again will not mend (a model that does
 * not load, another number of classes, data that is not the run's) is reported as a fault and ends the serving.
 */
export async function serveLabelling(
  context: NodeContext,
  teacher: ServedTeacher,
  signal: AbortSignal,
): Promise<void> {
  const { bus, compute, clock, node, log } = context;
  try {
    const dataset = await openData(context, teacher);
    const bytes = await (await bus.objects(buckets.weights)).get(teacher.model.artifact);
    if (!bytes) {
      throw new StillhouseError(
        `Cannot load teacher "${teacher.name}" as its model ${teacher.model.artifact} is not in the object store`,
      );
    }
    await compute.load({
      labelling: teacher.labelling,
      name: teacher.name,
      model: teacher.model,
      bytes,
      classes: dataset.classes,
      inputShape: dataset.inputShape,
    });
    log.info({ teacher: teacher.name, labelling: teacher.labelling }, "serving teacher");

    const queue = await bus.workQueue(streams.work.name, streams.work.filter);
    const labels = await bus.log(streams.labels.name, streams.labels.filter);
    const consumer = await queue.consumer({
      name: `label-${teacher.labelling}`,
      filter: labelWorkFilter(teacher.labelling),
      ackWaitMs: ACK_WAIT_MS,
      maxDeliver: MAX_DELIVER,
    });
    let current = Promise.resolve();
    while (!signal.aborted) {
      const items = await consumer.pull(PULL, PULL_WAIT_MS, signal);
      // The next pull travels while the last items are at work, and waits for them before it adds more.
      await current;
      current = Promise.all(items.map((item) => labelChunk(context, teacher, dataset, labels, item))).then(
        () => undefined,
      );
    }
    await current;
  } catch (error) {
    if (signal.aborted) return;
    log.error({ teacher: teacher.name, error }, messageOf(error));
    await postFault(bus, clock, `labelling.${teacher.labelling}`, node, messageOf(error));
  } finally {
    if (!context.signal.aborted) await compute.unload(teacher.labelling);
  }
}

async function openData(context: NodeContext, teacher: ServedTeacher) {
  const dataset = await context.data.open(teacher.run.data, `teacher node ${context.node}`);
  await context.compute.openData(dataset);
  return dataset;
}
