import type { WorkItem } from "../shared/bus/bus.ts";
import { RevisionConflict } from "../shared/bus/errors.ts";
import { postFault } from "../shared/bus/faults.ts";
import { sha256 } from "../shared/determinism/hash.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import { decode, encode, MalformedMessage } from "../shared/protocol/codec.ts";
import { Event } from "../shared/protocol/events.ts";
import { TrainedTeacher } from "../shared/protocol/jobs.ts";
import { buckets, recipeEventSubject, streams, trainWorkFilter } from "../shared/protocol/subjects.ts";
import { TrainTeacher } from "../shared/protocol/work.ts";
import { ACK_WAIT_MS, MAX_DELIVER, MAX_SILENCE_MS, type NodeContext } from "./context.ts";
import { keepAlive } from "./keepAlive.ts";

const PULL_WAIT_MS = 2_000;
/** Long enough that another node asks first. */
const RETRY_MS = 5_000;

/** Trains teachers, one at a time, for as long as the node lives: several nodes train several at once. */
export async function pullTrainings(context: NodeContext): Promise<void> {
  const { bus, signal } = context;
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const consumer = await queue.consumer({
    name: "train",
    filter: trainWorkFilter,
    ackWaitMs: ACK_WAIT_MS,
    maxDeliver: MAX_DELIVER,
  });
  while (!signal.aborted) {
    for (const item of await consumer.pull(1, PULL_WAIT_MS, signal)) await trainOne(context, item);
  }
}

async function trainOne(context: NodeContext, item: WorkItem): Promise<void> {
  const { bus, clock, node, log, doing, counters } = context;
  if (item.delivery > 1) counters.redeliveries++;
  let task: TrainTeacher;
  try {
    task = decode(TrainTeacher, item.data, `work item ${item.subject}`);
  } catch (error) {
    // Without a recipe there is nobody to tell but the log: the message can be of no run.
    log.error(messageOf(error));
    if (!(error instanceof MalformedMessage)) throw error;
    item.term();
    return;
  }
  let heardAt = clock.now();
  const release = keepAlive(item, clock, () => clock.now() - heardAt < MAX_SILENCE_MS);
  const doingNow = `training ${task.name}`;
  doing.add(doingNow);
  try {
    const recipes = await bus.kv(buckets.recipes);
    if (!(await recipes.get(task.recipe))) {
      const answer = await train(context, task, () => {
        heardAt = clock.now();
      });
      if (!answer) return;
      try {
        await recipes.create(task.recipe, encode(TrainedTeacher, answer));
      } catch (error) {
        // The first answer stands; the weights are the same where backends are.
        if (!(error instanceof RevisionConflict)) throw error;
      }
    }
    await item.ack();
  } catch (error) {
    if (context.signal.aborted) return;
    log.error({ teacher: task.name, error }, messageOf(error));
    if (error instanceof StillhouseError && error.retry && item.delivery < MAX_DELIVER) {
      item.nak(RETRY_MS);
      return;
    }
    await postFault(bus, clock, `recipe.${task.recipe}`, node, messageOf(error));
    item.term();
  } finally {
    release();
    doing.delete(doingNow);
  }
}

/** @returns undefined when the node was told to end: the item goes back to the queue */
async function train(
  { bus, compute, clock, node, log, data, signal }: NodeContext,
  task: TrainTeacher,
  onLife: () => void,
): Promise<TrainedTeacher | undefined> {
  const dataset = await data.open(task.data, `teacher node ${node}`);
  await compute.openData(dataset);
  onLife();
  log.info({ teacher: task.name, recipe: task.recipe }, "training teacher");
  const startedAt = clock.now();
  const training = compute.train(
    { name: task.name, model: task.model, train: task.train, dataHash: dataset.hash },
    ({ step, total, samplesPerS, loss, accuracy }) => {
      onLife();
      const event: Event = {
        type: "teacher-progress",
        recipe: task.recipe,
        name: task.name,
        node,
        step,
        total,
        samplesPerS,
        loss,
        accuracy,
      };
      if (!signal.aborted) bus.publish(recipeEventSubject(task.recipe), encode(Event, event));
    },
  );
  const ended = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const trained = await Promise.race([training, ended]);
  if (!trained) {
    // The compute thread is ended with the node; what it then answers is nobody's concern.
    training.catch(() => undefined);
    return undefined;
  }
  const digest = sha256(trained.artifact);
  await (await bus.objects(buckets.weights)).put(digest, trained.artifact);
  const seconds = (clock.now() - startedAt) / 1000;
  log.info(
    { teacher: task.name, seconds, accuracy: trained.curve.at(-1)?.validationAccuracy },
    "teacher trained",
  );
  return {
    type: "trained-teacher",
    recipe: task.recipe,
    artifact: digest,
    artifactBytes: trained.artifact.byteLength,
    weightsHash: trained.weightsHash,
    parameters: trained.parameters,
    seconds,
    curve: trained.curve,
    backend: await compute.backend(),
    node,
  };
}
