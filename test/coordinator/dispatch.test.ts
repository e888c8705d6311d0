import { describe, expect, it } from "vitest";
import { type Choosy, dispatch, RECONCILE_MS } from "../../coordinator/dispatch.ts";
import type { MissingChunk } from "../../coordinator/missingLabels.ts";
import { pendingWork } from "../../coordinator/pendingWork.ts";
import { QuarantineWatch } from "../../coordinator/quarantineWatch.ts";
import type { Bus, WorkQueue } from "../../shared/bus/bus.ts";
import { type Clock, sleep } from "../../shared/bus/clock.ts";
import { BusFull } from "../../shared/bus/errors.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { encode } from "../../shared/protocol/codec.ts";
import {
  labelsSubject,
  labelWorkFilter,
  labelWorkSubject,
  parseLabelWork,
  streams,
} from "../../shared/protocol/subjects.ts";
import { LabelChunks } from "../../shared/protocol/work.ts";
import { ManualClock } from "../helpers/manualClock.ts";

const labelling = "1".repeat(32);
const keyOf = (chunk: number) => ({ labelling, shard: "2".repeat(32), view: "3".repeat(32), chunk });

/** Chunks 0 to n-1 with two parts each, and the end of a dispatch of them. */
async function setUp(
  n: number,
  options: {
    maxInFlight?: number;
    wrap?: (bus: Bus, clock: Clock) => Bus;
    choosy?: Choosy;
    /** Items: a chunk, or the first of some and how many. */
    queued?: (number | readonly [number, number])[];
    nodes?: number;
    alone?: boolean;
  } = {},
) {
  const clock = new ManualClock();
  const bus = createMemoryBus({ clock }).connect();
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const missing: MissingChunk[] = Array.from({ length: n }, (_, chunk) => {
    const parts = [0, 1].map((part) => [labelsSubject(keyOf(chunk), part), 10] as const);
    return { key: keyOf(chunk), parts: new Map(parts), bytes: 1000 };
  });
  const publish = async (chunk: number, count = 1): Promise<void> => {
    const work = { type: "label-chunks", ...keyOf(chunk), count } as const;
    await queue.publish(labelWorkSubject(work, count), encode(LabelChunks, work));
  };
  for (const one of options.queued ?? []) {
    const [chunk, count] = typeof one === "number" ? [one, 1] : one;
    await publish(chunk, count);
  }
  const said: string[] = [];
  const progress: [number, number][] = [];
  const stop = new AbortController();
  const end = dispatch(
    {
      bus: options.wrap?.(bus, clock) ?? bus,
      clock,
      missing,
      since: 0,
      pending: await pendingWork(queue, [labelling]),
      maxInFlight: options.maxInFlight ?? 64,
      nodes: () => options.nodes ?? 64,
      ...(options.alone && { alone: true }),
      onProgress: (done, inFlight) => progress.push([done, inFlight]),
      onNotice: (text) => said.push(text),
      quarantine: await QuarantineWatch.open(bus, () => undefined, stop.signal),
      givesUp: async () => undefined,
      onStuck: (subjects) => {
        throw new Error(`stuck with ${subjects.length}`);
      },
      ...(options.choosy && { choosy: options.choosy }),
    },
    stop.signal,
  );
  await clock.advance(0);
  const pending = async () =>
    (await queue.pending(labelWorkFilter(labelling))).map((s) => s.split(".").at(-1)).sort();
  const consumer = await queue.consumer({
    name: "c",
    filter: labelWorkFilter(labelling),
    ackWaitMs: 1e9,
    maxDeliver: 5,
  });
  const append = async (chunk: number): Promise<void> => {
    for (const part of [0, 1]) await log.append(labelsSubject(keyOf(chunk), part), Uint8Array.of(1));
  };
  /** A node's side of one item: labels, then the acknowledgement. */
  const label = async (): Promise<void> => {
    const [item] = await consumer.pull(1, 0);
    const { chunk = 0, count = 0 } = parseLabelWork(item?.subject ?? "") ?? {};
    for (let i = 0; i < count; i++) await append(chunk + i);
    await item?.ack();
    await clock.advance(0);
  };
  return { clock, queue, log, end, stop, said, progress, pending, publish, append, label };
}

/** A bus on which work is published as `act` has it. */
function publishing(
  act: (publish: () => ReturnType<WorkQueue["publish"]>, clock: Clock) => ReturnType<WorkQueue["publish"]>,
): (bus: Bus, clock: Clock) => Bus {
  return (bus, clock) =>
    Object.assign(Object.create(bus) as Bus, {
      log: bus.log.bind(bus),
      async workQueue(name: string, filter: string): Promise<WorkQueue> {
        const queue = await bus.workQueue(name, filter);
        return Object.assign(Object.create(queue) as WorkQueue, {
          pending: queue.pending.bind(queue),
          publish: (subject: string, data: Uint8Array) => act(() => queue.publish(subject, data), clock),
        });
      },
    });
}

describe("dispatch()", () => {
  it("queues at most maxInFlight chunks, in their order, and the next as one is labelled", async () => {
    const { end, pending, label, progress } = await setUp(5, { maxInFlight: 2 });
    expect(await pending()).toEqual(["0", "1"]);
    await label();
    expect(await pending()).toEqual(["1", "2"]);
    for (let i = 0; i < 4; i++) await label();
    await end;
    expect(await pending()).toEqual([]);
    expect(progress).toEqual([1, 2, 3, 4, 5].map((done) => [done, expect.any(Number)]));
    expect(Math.max(...progress.map(([, inFlight]) => inFlight))).toBeLessThanOrEqual(2);
  });

  it("counts what is queued already, by a coordinator before it, as in flight", async () => {
    // Chunk 0, whose labels the log has lost, comes on top of the two that were queued after it.
    const { end, pending, label } = await setUp(5, { maxInFlight: 2, queued: [1, 2] });
    expect(await pending()).toEqual(["1", "2"]);
    await label();
    expect(await pending()).toEqual(["0", "2"]);
    for (let i = 0; i < 4; i++) await label();
    await end;
  });

  it("ends at once when nothing is missing", async () => {
    const { end, pending } = await setUp(0);
    await end;
    expect(await pending()).toEqual([]);
  });

  it("takes a chunk for done when all its parts are there, whoever labelled it, and queues it no more", async () => {
    const { clock, end, log, pending, label, progress } = await setUp(3, { maxInFlight: 1 });
    await log.append(labelsSubject(keyOf(2), 1), Uint8Array.of(1));
    await clock.advance(0);
    expect(progress).toEqual([]);
    await log.append(labelsSubject(keyOf(2), 0), Uint8Array.of(1));
    await clock.advance(0);
    expect(progress).toEqual([[1, 1]]);
    await label();
    expect(await pending()).toEqual(["1"]);
    await label();
    await end;
    expect(await pending()).toEqual([]);
  });

  it("queues again what is neither in the queue nor in the log", async () => {
    const { clock, queue, end, pending, label } = await setUp(3);
    expect(await queue.purge(labelWorkSubject(keyOf(1)))).toBe(1);
    await clock.advance(RECONCILE_MS - 1);
    expect(await pending()).toEqual(["0", "2"]);
    await clock.advance(1);
    expect(await pending()).toEqual(["0", "1", "2"]);
    for (let i = 0; i < 3; i++) await label();
    await end;
  });

  it("makes up for all that arrived together in the time of one request, however long that is", async () => {
    const requestMs = 50;
    const slow = publishing(async (publish, clock) => {
      await sleep(clock, requestMs);
      return publish();
    });
    const { clock, end, stop, log, pending } = await setUp(20, { maxInFlight: 8, wrap: slow });
    await clock.advance(requestMs);
    expect(await pending()).toHaveLength(8);
    for (let chunk = 0; chunk < 8; chunk++) {
      for (const part of [0, 1]) await log.append(labelsSubject(keyOf(chunk), part), Uint8Array.of(1));
    }
    // The first that is heard of may go alone.
    await clock.advance(2 * requestMs);
    expect(await pending()).toHaveLength(16);
    stop.abort();
    await end;
  });

  it("waits while the server has no room, and says so", async () => {
    let refusals = 0;
    const full = publishing(async (publish) => {
      if (refusals++ < 2) throw new BusFull("the disk is full");
      return publish();
    });
    const { clock, end, pending, label, said } = await setUp(1, { wrap: full });
    expect(await pending()).toEqual([]);
    expect(said).toEqual(["dispatch waits for room: the disk is full"]);
    await clock.advance(4_000);
    expect(said).toHaveLength(2);
    expect(await pending()).toEqual(["0"]);
    await label();
    await end;
  });

  it("ends when it is told to, and leaves no timer", async () => {
    const { clock, end, stop } = await setUp(2);
    stop.abort();
    await end;
    expect(clock.waiting).toBe(0);
  });

  it("takes out of the queue what nobody waits for any more, goes on with the next, and ends with the last", async () => {
    const unwanted = new Set<number>();
    const [queuedOnes, labelledOnes]: [number[], number[]] = [[], []];
    const { clock, end, pending, label, progress } = await setUp(6, {
      maxInFlight: 2,
      choosy: {
        wants: ({ key }) => !unwanted.has(key.chunk),
        onQueued: ({ key }) => queuedOnes.push(key.chunk),
        onLabelled: ({ key }) => labelledOnes.push(key.chunk),
      },
    });
    for (const chunk of [0, 2, 5]) unwanted.add(chunk);
    await clock.advance(1_000);
    expect(await pending()).toEqual(["1", "3"]);
    await label();
    await label();
    expect(await pending()).toEqual(["4"]);
    await label();
    await end;
    expect(queuedOnes).toEqual([0, 1, 3, 4]);
    expect(labelledOnes).toEqual([1, 3, 4]);
    expect(progress.at(-1)).toEqual([6, 0]);
  });
});

describe("dispatch() of many chunks to few nodes", () => {
  const range = (from: number, to: number): string => `${from}-${to}`;
  /** Items of four, as they are listed. */
  const fours = (...firsts: number[]): string[] => firsts.map((first) => range(first, first + 3));

  it("asks for several in one item, and for fewer in each as fewer are left", async () => {
    // Of 32 in flight a node has an eighth in one item; of all that are left a sixteenth.
    const { end, pending, label } = await setUp(128, { maxInFlight: 32, nodes: 1 });
    expect(await pending()).toEqual(fours(0, 12, 16, 20, 24, 28, 4, 8));
    const sizes = new Set<number>();
    for (let i = 0; i < 128 && (await pending()).length > 0; i++) {
      for (const one of await pending()) sizes.add(one === undefined || !one.includes("-") ? 1 : span(one));
      await label();
    }
    await end;
    // The last are queued when 32 are left.
    expect([...sizes].sort()).toEqual([2, 4]);
  });

  it("has no more chunks in flight than it may", async () => {
    const { end, pending, label, progress } = await setUp(256, { maxInFlight: 21, nodes: 1 });
    expect(await pending()).toHaveLength(10);
    while ((await pending()).length > 0) await label();
    await end;
    expect(Math.max(...progress.map(([, inFlight]) => inFlight))).toBeLessThan(21);
  });

  it("asks for each alone where it is told to, and where there are many nodes", async () => {
    for (const options of [{ nodes: 1, alone: true }, { nodes: 16 }]) {
      const { end, stop, pending } = await setUp(128, { maxInFlight: 16, ...options });
      expect(await pending()).toHaveLength(16);
      expect((await pending()).every((one) => !one?.includes("-"))).toBe(true);
      stop.abort();
      await end;
    }
  });

  it("makes room as soon as chunks of an item are labelled, before the item is done", async () => {
    const { clock, end, stop, pending, append } = await setUp(256, { maxInFlight: 32, nodes: 1 });
    await append(1);
    await append(4);
    await append(5);
    await clock.advance(0);
    expect(await pending()).toHaveLength(8);
    await append(9);
    await clock.advance(0);
    expect(await pending()).toContain(range(32, 35));
    stop.abort();
    await end;
  });

  it("queues again of a lost item what the log lacks, alone or together", async () => {
    const { clock, queue, end, stop, pending, append } = await setUp(256, { maxInFlight: 32, nodes: 1 });
    await append(5);
    await clock.advance(0);
    expect(await queue.purge(labelWorkSubject(keyOf(4), 4))).toBe(1);
    await clock.advance(RECONCILE_MS);
    expect(await pending()).toEqual([...fours(0, 12, 16, 20, 24, 28), "4", range(6, 7), ...fours(8)]);
    stop.abort();
    await end;
  });

  it("takes chunks that a node has handed on one by one for what they are", async () => {
    const { clock, queue, end, stop, pending, publish } = await setUp(256, { maxInFlight: 32, nodes: 1 });
    for (const chunk of [4, 5, 6, 7]) await publish(chunk);
    await queue.purge(labelWorkSubject(keyOf(4), 4));
    const before = await pending();
    await clock.advance(RECONCILE_MS);
    expect(await pending()).toEqual(before);
    stop.abort();
    await end;
  });

  it("leaves to an item that another coordinator has queued what that asks for", async () => {
    const { end, stop, pending } = await setUp(256, { maxInFlight: 32, nodes: 1, queued: [[2, 5]] });
    expect(await pending()).toEqual([
      range(0, 1),
      ...fours(12, 16),
      range(2, 6),
      ...fours(20, 24, 28),
      "7",
      ...fours(8),
    ]);
    stop.abort();
    await end;
  });

  it("takes an item out of the queue when nobody waits for any of its chunks any more", async () => {
    const unwanted = new Set([0, 1, 2, 3, 5]);
    let asked = false;
    const { clock, end, stop, pending } = await setUp(256, {
      maxInFlight: 32,
      nodes: 1,
      choosy: {
        wants: ({ key }) => !asked || !unwanted.has(key.chunk),
        onQueued: () => undefined,
        onLabelled: () => undefined,
      },
    });
    asked = true;
    await clock.advance(1_000);
    expect(await pending()).toEqual(fours(12, 16, 20, 24, 28, 32, 4, 8));
    stop.abort();
    await end;
  });
});

function span(range: string): number {
  const [from = 0, to = 0] = range.split("-").map(Number);
  return to - from + 1;
}
