import { aborted } from "../shared/bus/aborted.ts";
import { anySignal } from "../shared/bus/anySignal.ts";
import type { WorkItem } from "../shared/bus/bus.ts";
import { sleep } from "../shared/bus/clock.ts";
import { RevisionConflict } from "../shared/bus/errors.ts";
import { beginAttempt, failAttempt } from "../shared/cluster/attempts.ts";
import { Checkpoints } from "../shared/cluster/checkpoints.ts";
import { postFault } from "../shared/cluster/faults.ts";
import { isInterrupted } from "../shared/compute/interrupted.ts";
import { sha256 } from "../shared/determinism/hash.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import { decode, encode, MalformedMessage } from "../shared/protocol/codec.ts";
import { Event } from "../shared/protocol/events.ts";
import { TrainedTeacher } from "../shared/protocol/jobs.ts";
import {
  buckets,
  jobKeys,
  recipeEventSubject,
  streams,
  trainWorkFilter,
} from "../shared/protocol/subjects.ts";
import { ACK_WAIT_MS, TrainTeacher } from "../shared/protocol/work.ts";
import type { TrainedModel } from "./compute.ts";
import { MAX_SILENCE_MS, type NodeContext } from "./context.ts";
import { keepAlive } from "./keepAlive.ts";

const PULL_WAIT_MS = 2_000;
/** Each interruption of a training takes a delivery, and so does each node that lacks the data. */
const MAX_TRAIN_DELIVER = 20;
const RETRY_MS = 5_000;
const REST_MS = 30_000;

/** Trains teachers, one at a time, for as long as the node lives: several nodes train several at once. */
export async function pullTrainings(context: NodeContext): Promise<void> {
  const { bus, signal } = context;
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const consumer = await queue.consumer({
    name: "train",
    filter: trainWorkFilter,
    ackWaitMs: ACK_WAIT_MS,
    maxDeliver: MAX_TRAIN_DELIVER,
  });
  while (!signal.aborted) {
    for (const item of await consumer.pull(1, PULL_WAIT_MS, signal)) {
      const done = await trainOne(context, item);
      // A node that cannot do it leaves the queue to the others for a while.
      if (!done) await sleep(context.clock, REST_MS, signal);
    }
  }
}

/**
 * A training that no run needs any more ends, with a checkpoint, and leaves the queue: whoever needs it again asks again.
 * @returns whether this node is fit for the next: false when another try, elsewhere, may do better
 */
async function trainOne(context: NodeContext, item: WorkItem): Promise<boolean> {
  const { bus, clock, node, log, doing, counters } = context;
  if (item.delivery > 1) counters.redeliveries++;
  let task: TrainTeacher;
  try {
    task = decode(TrainTeacher, item.data, `work item ${item.subject}`);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    log.error(error.message);
    await postFault(bus, clock, `recipe.${item.subject.split(".").at(-1)}`, node, error.message);
    item.term();
    return true;
  }
  let heardAt = clock.now();
  const release = keepAlive(item, clock, () => clock.now() - heardAt < MAX_SILENCE_MS);
  const doingNow = `training ${taskName(task)}`;
  doing.add(doingNow);
  try {
    const done = await beginAttempt(bus, clock, item, node);
    const recipes = await bus.kv(buckets.recipes);
    if (!(await recipes.get(task.recipe))) {
      const wanted = await context.recipes.has(task.recipe, clock, context.signal);
      const onLife = (): void => {
        heardAt = clock.now();
      };
      const answer = wanted ? await train(context, task, onLife) : undefined;
      if (!answer) {
        if (context.signal.aborted) {
          await failAttempt(bus, clock, item, node, "it was told to end, and handed it back");
          item.nak();
        } else {
          item.term();
          await done();
        }
        return true;
      }
      try {
        await recipes.create(task.recipe, encode(TrainedTeacher, answer));
      } catch (error) {
        // The first answer stands; the weights are the same where backends are.
        if (!(error instanceof RevisionConflict)) throw error;
      }
      // With the answer there, nobody goes on from here.
      await (await Checkpoints.open(bus, jobKeys.teacherCheckpoint(task.recipe))).remove();
    }
    await item.ack();
    await done();
    return true;
  } catch (error) {
    if (context.signal.aborted) return true;
    log.error({ teacher: taskName(task), error }, messageOf(error));
    if (error instanceof StillhouseError && error.retry && item.delivery < MAX_TRAIN_DELIVER) {
      await failAttempt(bus, clock, item, node, error);
      item.nak(RETRY_MS);
      return false;
    }
    await postFault(bus, clock, `recipe.${task.recipe}`, node, messageOf(error));
    item.term();
    return true;
  } finally {
    release();
    doing.delete(doingNow);
  }
}

/** @returns undefined when the node was told to end, or nobody needs the training any more */
async function train(
  { bus, compute, clock, node, log, data, signal, checkpointMs, graceMs, recipes }: NodeContext,
  task: TrainTeacher,
  onLife: () => void,
): Promise<TrainedTeacher | undefined> {
  const dataset = await data.open(task.data, `teacher node ${node}`);
  await compute.openData(dataset);
  onLife();
  const checkpoints = await Checkpoints.open(bus, jobKeys.teacherCheckpoint(task.recipe), taskName(task));
  const resumed = await checkpoints.resume(node, clock);
  const { fromStep, lineage, secondsSoFar } = resumed;
  log.info({ teacher: taskName(task), recipe: task.recipe, fromStep }, "training teacher");
  const training = compute.train(
    {
      checkpoint: resumed.state,
      checkpointMs,
      name: task.name,
      model: task.model,
      train: task.train,
      fold: task.fold,
      classes: task.classes,
      dataHash: dataset.hash,
      compute: task.compute,
    },
    {
      onProgress({ step, total, samplesPerS, loss, accuracy, score }) {
        onLife();
        const event: Event = {
          type: "teacher-progress",
          recipe: task.recipe,
          name: taskName(task),
          node,
          step,
          total,
          samplesPerS,
          loss,
          accuracy,
          ...(score && { score }),
        };
        if (!signal.aborted) bus.publish(recipeEventSubject(task.recipe), encode(Event, event));
      },
      async onCheckpoint(step, state) {
        onLife();
        await checkpoints.save({ step, lineage, seconds: secondsSoFar() }, state);
      },
    },
  );
  const over = new AbortController();
  const ended = recipes.gone(task.recipe, anySignal(signal, over.signal)).then(async () => {
    if (over.signal.aborted) return;
    log.info({ teacher: taskName(task), recipe: task.recipe }, "training is to end");
    await compute.interrupt();
    // A node that is to end waits no longer than it may; the compute thread is ended with it.
    await (signal.aborted ? sleep(clock, graceMs, over.signal) : aborted(anySignal(signal, over.signal)));
  });
  let trained: TrainedModel | undefined;
  try {
    trained = (await Promise.race([training, ended])) ?? undefined;
  } catch (error) {
    if (!isInterrupted(error)) throw error;
  } finally {
    over.abort();
    training.catch(() => undefined);
    ended.catch(() => undefined);
  }
  if (!trained) return undefined;
  const digest = sha256(trained.artifact);
  await (await bus.objects(buckets.weights)).put(digest, trained.artifact);
  const seconds = secondsSoFar();
  log.info({ teacher: taskName(task), seconds, ...trained.curve.at(-1) }, "teacher trained");
  return {
    type: "trained-teacher",
    recipe: task.recipe,
    artifact: digest,
    artifactBytes: trained.artifact.byteLength,
    weightsHash: trained.weightsHash,
    parameters: trained.parameters,
    seconds,
    curve: trained.curve,
    backend: (await compute.backend()).name,
    node,
  };
}

function taskName({ name, fold }: TrainTeacher): string {
  return fold ? `${name}, fold ${fold.index + 1} of ${fold.of}` : name;
}
