import { postFault } from "../shared/cluster/faults.ts";
import { publishNotice } from "../shared/cluster/notice.ts";
import { DEFAULT_THREADS } from "../shared/compute/computeSettings.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import { agreementText } from "../shared/evaluate/logitAgreement.ts";
import type { LogitAgreement } from "../shared/evaluate/reportSchema.ts";
import { buckets, labelWorkFilter, streams } from "../shared/protocol/subjects.ts";
import { ACK_WAIT_MS, LABEL_MAX_DELIVER } from "../shared/protocol/work.ts";
import { admit, NumericsRefused } from "./admission.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";
import { labelPulled } from "./labelPulled.ts";

/**
 * Loads a teacher and labels chunks with it until `signal` aborts. What trying again will not mend (a model that does
 * not load, another number of classes) is reported as a fault and ends the serving.
 */
export async function serveLabelling(
  context: NodeContext,
  teacher: ServedTeacher,
  signal: AbortSignal,
): Promise<void> {
  const { bus, compute, clock, node, log } = context;
  context.refused.delete(teacher.labelling);
  try {
    const dataset = await openData(context, teacher, signal);
    if (!dataset) return;
    await loadAdmitted(context, teacher, dataset);
    log.info({ teacher: teacher.name, labelling: teacher.labelling }, "serving teacher");

    const queue = await bus.workQueue(streams.work.name, streams.work.filter);
    const labels = await bus.log(streams.labels.name, streams.labels.filter);
    const consumer = await queue.consumer({
      name: `label-${teacher.labelling}`,
      filter: labelWorkFilter(teacher.labelling),
      ackWaitMs: ACK_WAIT_MS,
      maxDeliver: LABEL_MAX_DELIVER,
    });
    teacher.atWork = true;
    await labelPulled(context, teacher, { queue, log: labels }, consumer, signal);
  } catch (error) {
    if (signal.aborted) return;
    log.error({ teacher: teacher.name, error }, messageOf(error));
    if (error instanceof NumericsRefused) {
      // Nothing is wrong with the run: others may serve it, or nobody need.
      context.refused.set(teacher.labelling, messageOf(error));
      return;
    }
    await postFault(bus, clock, `labelling.${teacher.labelling}`, node, messageOf(error));
  } finally {
    teacher.atWork = false;
    if (!context.signal.aborted) await compute.unload(teacher.labelling);
  }
}

/**
 * Loads the teacher and asks whether this node may serve it. Where its bits differ, the first node's number of threads
 * is tried too: how an operator is divided can change how its sums are rounded.
 * @throws NumericsRefused
 */
async function loadAdmitted(context: NodeContext, teacher: ServedTeacher, dataset: Dataset): Promise<void> {
  const { bus, compute, log } = context;
  const bytes = await (await bus.objects(buckets.weights)).get(teacher.model.artifact);
  if (!bytes) {
    throw new StillhouseError(
      `Cannot load teacher "${teacher.name}" as its model ${teacher.model.artifact} is not in the object store`,
    );
  }
  const { compute: spec } = teacher.runs[0].spec;
  const loadAndAsk = async (threads: number): Promise<void> => {
    teacher.threads = threads;
    const agreement = await compute.load({
      labelling: teacher.labelling,
      name: teacher.name,
      model: teacher.model,
      bytes,
      classes: dataset.classes,
      inputShape: dataset.inputShape,
      features: teacher.features,
      dataHash: dataset.hash,
      compute: { ...spec, threads: { ...spec.threads, teacher: threads } },
    });
    teacher.quantised = agreement;
    if (agreement) tellAgreement(context, teacher, agreement);
    await admit(context, teacher, dataset);
  };
  try {
    await loadAndAsk(spec.threads.teacher ?? DEFAULT_THREADS);
  } catch (error) {
    if (!(error instanceof NumericsRefused) || error.first.threads === teacher.threads) throw error;
    log.info({ teacher: teacher.name, threads: error.first.threads }, "trying the first node's threads");
    await compute.unload(teacher.labelling);
    teacher.admitted.clear();
    await loadAndAsk(error.first.threads);
  }
}

/** How near a quantised teacher is to itself in floats: in this node's log, and for whoever watches the runs. */
function tellAgreement(
  { bus, node, log }: NodeContext,
  { name, model, runs }: ServedTeacher,
  agreement: LogitAgreement,
): void {
  const text = `teacher "${name}" in ${model.mapping.quantise}: ${agreementText(agreement)}`;
  log.info({ teacher: name, agreement }, text);
  for (const { run } of runs) publishNotice(bus, run, node, "info", text);
}

/** A node whose data is wrong serves nothing and says so; the others of the cluster go on, and it joins once it is mended. */
async function openData(context: NodeContext, { runs: [run] }: ServedTeacher, signal: AbortSignal) {
  const { bus, clock, data, node, log } = context;
  const dataset = await data.openWhenRight(run.data, `teacher node ${node}`, clock, signal, (error) => {
    log.error({ run: run.run, error }, error.message);
    publishNotice(bus, run.run, node, "error", `${node} serves nothing: ${error.message}`);
  });
  if (dataset) await context.compute.openData(dataset);
  return dataset;
}
