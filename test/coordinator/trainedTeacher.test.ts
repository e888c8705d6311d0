import { describe, expect, it } from "vitest";
import { RECONCILE_MS } from "../../coordinator/dispatch.ts";
import { RunStore } from "../../coordinator/runStore.ts";
import { plannedTeachers } from "../../coordinator/teach.ts";
import { trainedTeacher } from "../../coordinator/trainedTeacher.ts";
import type { Bus, WorkQueue } from "../../shared/bus/bus.ts";
import { BusFull } from "../../shared/bus/errors.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import type { TrainedTeacherSpec } from "../../shared/config/teacherSpec.ts";
import { encode } from "../../shared/protocol/codec.ts";
import { TrainedTeacher } from "../../shared/protocol/jobs.ts";
import type { RunTeacher } from "../../shared/protocol/run.ts";
import { buckets, streams, trainWorkFilter, trainWorkSubject } from "../../shared/protocol/subjects.ts";
import { ManualClock } from "../helpers/manualClock.ts";
import { trainedTeacher as asTrained, smallSpec } from "../helpers/smallRun.ts";

const spec = smallSpec({ teachers: [asTrained("ada")] });
const dataHash = "2".repeat(32);
const [planned] = plannedTeachers(spec.teachers, dataHash) as [RunTeacher];
const recipe = planned.recipes[0] as string;

/** A coordinator that asks for the training of a teacher which nobody has trained yet. */
async function setUp(wrap: (bus: Bus) => Bus = (bus) => bus) {
  const clock = new ManualClock();
  const bus = createMemoryBus({ clock }).connect();
  const store = await RunStore.open(bus, clock, 1, {
    type: "run",
    run: "r1",
    fence: 0,
    state: "teaching",
    spec,
    specHash: "1".repeat(32),
    data: { spec: spec.data, baseDir: "", hash: dataHash },
    shards: [{ hash: "3".repeat(32), rows: 10 }],
    teachers: [planned],
    passes: null,
    createdAtMs: 0,
    enteredAtMs: { planned: 0 },
    labelledAtMs: null,
    error: null,
  });
  const said: string[] = [];
  const end = trainedTeacher(
    { bus: wrap(bus), clock, store, notice: (text) => said.push(text) },
    spec.teachers[0] as TrainedTeacherSpec,
    planned,
    { encoding: "half", chunkSize: 32, features: [] },
    new AbortController().signal,
  );
  await clock.advance(0);
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  return { bus, clock, said, end, queue };
}

async function answer(bus: Bus): Promise<void> {
  const trained: TrainedTeacher = {
    type: "trained-teacher",
    recipe,
    artifact: "4".repeat(64),
    artifactBytes: 10,
    weightsHash: "5".repeat(64),
    parameters: 7,
    seconds: 1,
    curve: [],
    backend: "none",
    node: "t1",
  };
  await (await bus.kv(buckets.recipes)).create(recipe, encode(TrainedTeacher, trained));
}

describe("a teacher that is to be trained", () => {
  it("is asked for again when the queue has lost it, and no more once it is there", async () => {
    const { bus, clock, end, queue } = await setUp();
    expect(await queue.pending(trainWorkFilter)).toEqual([trainWorkSubject(recipe)]);
    expect(await queue.purge(trainWorkFilter)).toBe(1);
    await clock.advance(RECONCILE_MS);
    expect(await queue.pending(trainWorkFilter)).toEqual([trainWorkSubject(recipe)]);
    await answer(bus);
    await queue.purge(trainWorkFilter);
    await clock.advance(2 * RECONCILE_MS);
    expect((await end)?.ready?.parameters).toBe(7);
    expect(await queue.pending(trainWorkFilter)).toEqual([]);
    expect(clock.waiting).toBe(0);
  });

  it("waits for room in the queue, and the coordinator says so", async () => {
    let refusals = 0;
    const full = (bus: Bus): Bus =>
      Object.assign(Object.create(bus) as Bus, {
        kv: bus.kv.bind(bus),
        objects: bus.objects.bind(bus),
        workQueue: async (name: string, filter: string) => {
          const queue = await bus.workQueue(name, filter);
          const publish: WorkQueue["publish"] = async (subject, data) => {
            if (refusals++ < 2) throw new BusFull("the disk is full");
            return queue.publish(subject, data);
          };
          return Object.assign(Object.create(queue) as WorkQueue, { publish });
        },
      });
    const { bus, clock, end, queue, said } = await setUp(full);
    await clock.advance(5_000);
    expect(said).toEqual(Array(2).fill("dispatch waits for room: the disk is full"));
    expect(await queue.pending(trainWorkFilter)).toEqual([trainWorkSubject(recipe)]);
    await answer(bus);
    await clock.advance(0);
    expect((await end)?.source).toBe("trained");
  });
});
