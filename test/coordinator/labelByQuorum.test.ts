import { expect, it } from "vitest";
import { AbsentTeachers } from "../../coordinator/absentTeachers.ts";
import { decide, readDecisions } from "../../coordinator/chunkDecisions.ts";
import type { CoordinatorContext } from "../../coordinator/context.ts";
import { labelByQuorum } from "../../coordinator/labelByQuorum.ts";
import { QuarantineWatch } from "../../coordinator/quarantineWatch.ts";
import type { Bus, WriteOnceLog } from "../../shared/bus/bus.ts";
import { sleep } from "../../shared/bus/clock.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { LeaseLost } from "../../shared/cluster/lease.ts";
import { openDataset } from "../../shared/data/open.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { buckets, labelsSubject, labelWorkSubject, streams } from "../../shared/protocol/subjects.ts";
import { ManualClock } from "../helpers/manualClock.ts";
import { SMALL_CHUNKS, smallSpec } from "../helpers/smallRun.ts";

const [ada, bea] = ["1".repeat(32), "2".repeat(32)];
const quorum = { teachers: 1, deadlineS: 10 };

interface Around {
  /** Before the coordinator's record is written. */
  onChange?: (clock: ManualClock) => Promise<void> | void;
  wrap?: (bus: Bus) => Bus;
  /** Teachers of chunk 0 in a decision that is there before. */
  decided?: number[];
}

/** A run of two teachers, of which ada, whom alone a node serves, has labelled everything, and bea all but chunk 0. */
async function begin({ onChange, wrap = (bus) => bus, decided }: Around = {}) {
  const clock = new ManualClock();
  const bus = createMemoryBus({ clock }).connect();
  const spec = smallSpec({ ensemble: { quorum } });
  const dataset = await openDataset(spec.data, ".");
  const shard = dataset.shards[0]?.hash as string;
  const key = { labelling: bea, shard, view: PLAIN_VIEW, chunk: 0 };
  const missing = [{ key, parts: new Map([[labelsSubject(key, 0), 32]]), bytes: 256 }];
  const said: string[] = [];
  const teachers = [ada, bea].map((labelling, k) => ({ name: ["ada", "bea"][k], ready: { labelling } }));
  const kv = await bus.kv(buckets.decisions);
  if (decided) {
    const closed = { shard, view: PLAIN_VIEW, chunk: 0, present: decided, by: "deadline", late: [] } as const;
    await decide(kv, { run: "r1", fence: 6 }, { ...closed, present: decided }, 0);
  }
  const stop = new AbortController();
  const context = {
    bus: wrap(bus),
    clock,
    dataset,
    store: { record: { run: "r1", fence: 7, spec, teachers }, change: async () => onChange?.(clock) },
    membership: { alive: () => [{ serving: [ada] }] },
    publish: () => undefined,
    notice: (text: string) => said.push(text),
    quarantine: await QuarantineWatch.open(bus, () => undefined, stop.signal),
  } as unknown as CoordinatorContext;
  const absent = new AbsentTeachers();
  const end = labelByQuorum(
    context,
    { chunks: missing, pending: new Set(), since: 0 },
    quorum,
    absent,
    stop.signal,
  ).then(
    () => "ended",
    (error: unknown) => error,
  );
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  return {
    clock,
    end,
    stop,
    said,
    decisions: () => readDecisions(kv, "r1"),
    queued: () => queue.pending(labelWorkSubject(key)),
    label: () => log.append(labelsSubject(key, 0), Uint8Array.of(1)),
    leaveOutBea: () => absent.leaveOut(context.store.record, bea),
  };
}

/** The bus of a coordinator to whom no news of the log comes through. */
function deafTo(bus: Bus): Bus {
  const open = async (...of: Parameters<Bus["log"]>): Promise<WriteOnceLog> => {
    const log = await bus.log(...of);
    return without(log, { follow: async function* () {} });
  };
  return without(bus, { log: open });
}

/** An object, whose fields may be private, with other methods in place of some. */
function without<T extends object>(of: T, other: Partial<T>): T {
  return new Proxy(of, {
    get: (target, name) => {
      if (name in other) return other[name as keyof T];
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const allButChunk0 = new Array(SMALL_CHUNKS - 1).fill("all");

it("chunks are closed by decisions with the coordinator's fence, late ones after their deadline, and the run says so", async () => {
  const { clock, end, decisions, said } = await begin();
  await clock.advance(9_000);
  expect((await decisions()).map(({ by }) => by)).toEqual(allButChunk0);
  await clock.advance(2_000);
  expect(await end).toBe("ended");
  const late = (await decisions()).filter(({ by }) => by === "deadline");
  expect(late).toMatchObject([{ run: "r1", fence: 7, chunk: 0, present: [0] }]);
  expect(said).toEqual([
    'closed 1 chunks without teachers that answered nothing for 10 s or failed: 1 without teacher "bea"',
  ]);
});

it("a coordinator that another has overtaken says of nobody that he came too late", async () => {
  let mayWrite = true;
  const { clock, end, stop, decisions } = await begin({
    onChange: () => {
      if (!mayWrite) throw new LeaseLost("another coordinator has written");
    },
  });
  await clock.advance(5_000);
  mayWrite = false;
  await clock.advance(20_000);
  expect(await end).toBeInstanceOf(LeaseLost);
  stop.abort();
  await clock.advance(20_000);
  expect((await decisions()).map(({ by }) => by)).toEqual(allButChunk0);
});

it("labels that the log has, and of which this coordinator was not told, are not late", async () => {
  const { clock, end, decisions, label } = await begin({ wrap: deafTo });
  await clock.advance(5_000);
  await label();
  await clock.advance(20_000);
  expect(await end).toBe("ended");
  expect((await decisions()).map(({ by }) => by)).toEqual([...allButChunk0, "all"]);
});

it("nobody is late by a time in which the coordinator itself was cut off", async () => {
  let cutOff = true;
  const { clock, end, decisions, label } = await begin({
    onChange: async (clock) => {
      if (cutOff) await sleep(clock, 60_000);
      cutOff = false;
    },
  });
  await clock.advance(10_000 + 60_000 + 5_000);
  expect((await decisions()).map(({ by }) => by)).toEqual(allButChunk0);
  await label();
  await clock.advance(1_000);
  expect(await end).toBe("ended");
  expect((await decisions()).map(({ by }) => by)).toEqual([...allButChunk0, "all"]);
});

it("labels that a decision names and the log has lost are queued again, and waited for", async () => {
  const { clock, end, decisions, queued, label } = await begin({ decided: [0, 1] });
  await clock.advance(60_000);
  expect(await queued()).toHaveLength(1);
  await label();
  await clock.advance(1_000);
  expect(await end).toBe("ended");
  expect(await decisions()).toContainEqual(expect.objectContaining({ chunk: 0, fence: 6, present: [0, 1] }));
});

it("labels that a decision does without are not asked for", async () => {
  const { clock, end, queued } = await begin({ decided: [0] });
  await clock.advance(1_000);
  expect(await queued()).toEqual([]);
  expect(await end).toBe("ended");
});

it("a chunk is closed at once, and its work leaves the queue, when its teacher is left out for a fault", async () => {
  const { clock, end, decisions, queued, leaveOutBea } = await begin();
  await clock.advance(1_000);
  expect(await queued()).toHaveLength(1);
  expect(leaveOutBea()).toBe(true);
  await clock.advance(1_000);
  expect(await end).toBe("ended");
  expect((await decisions()).at(-1)).toMatchObject({ chunk: 0, by: "deadline", present: [0] });
});
