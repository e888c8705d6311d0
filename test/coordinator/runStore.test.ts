import { describe, expect, it } from "vitest";
import { ImpossibleTransition } from "../../coordinator/runStates.ts";
import { RunStore } from "../../coordinator/runStore.ts";
import type { Bus, KeyValue } from "../../shared/bus/bus.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { LeaseLost } from "../../shared/cluster/lease.ts";
import type { RunRecord } from "../../shared/protocol/run.ts";
import { buckets } from "../../shared/protocol/subjects.ts";
import { ManualClock } from "../helpers/manualClock.ts";
import { smallSpec } from "../helpers/smallRun.ts";

const spec = smallSpec();
const initial: RunRecord = {
  type: "run",
  run: "r1",
  fence: 0,
  state: "planned",
  spec,
  specHash: "1".repeat(32),
  data: { spec: spec.data, baseDir: "", hash: "2".repeat(32) },
  shards: [{ hash: "3".repeat(32), rows: 10 }],
  teachers: [],
  passes: null,
  createdAtMs: 0,
  enteredAtMs: { planned: 0 },
  labelledAtMs: null,
  error: null,
};

function setUp() {
  const clock = new ManualClock();
  const bus = createMemoryBus({ clock }).connect();
  return { clock, open: (fence: number) => RunStore.open(bus, clock, fence, initial) };
}

describe("the record of a run", () => {
  it("is created once, and taken over with a new fence as it was left", async () => {
    const { open } = setUp();
    const first = await open(3);
    await first.enter("teaching");
    const second = await open(7);
    expect(second.record).toEqual({ ...first.record, fence: 7 });
    expect(second.record.state).toBe("teaching");
  });

  it("is not written by a coordinator with an older fence, once a newer one has it", async () => {
    const { open } = setUp();
    const old = await open(3);
    const current = await open(7);
    await expect(old.enter("teaching")).rejects.toThrow(LeaseLost);
    await expect(old.change({ labelledAtMs: 5 })).rejects.toThrow(
      "Cannot write run r1 with fence 3: another coordinator has written it with fence 7",
    );
    expect(old.record.state).toBe("planned");
    await current.enter("teaching");
    expect((await open(8)).record).toMatchObject({ state: "teaching", labelledAtMs: null });
  });

  it("is not created over that of a coordinator that came in between: whoever comes late has lost the lease", async () => {
    const clock = new ManualClock();
    const hub = createMemoryBus({ clock });
    const [late, prompt] = [hub.connect(), hub.connect()];
    const kv = await late.kv(buckets.runs);
    // Cut off between its look, which finds nothing, and its write.
    const create: typeof kv.create = async (key, value) => {
      await RunStore.open(prompt, clock, 7, initial);
      return kv.create(key, value);
    };
    const slow = Object.assign(Object.create(late) as Bus, {
      kv: async () => Object.assign(Object.create(kv) as KeyValue, { get: kv.get.bind(kv), create }),
    });
    const opening = RunStore.open(slow, clock, 3, initial);
    await expect(opening).rejects.toThrow(LeaseLost);
    await expect(opening).rejects.toThrow("another coordinator has written it with fence 7");
    expect((await RunStore.open(prompt, clock, 8, initial)).record.fence).toBe(8);
  });

  it("is not taken over by a coordinator with an older fence", async () => {
    const { open } = setUp();
    await open(7);
    await expect(open(3)).rejects.toThrow(LeaseLost);
  });

  it("is resumed where it was paused, and remembers that no longer", async () => {
    const { open } = setUp();
    const store = await open(1);
    await store.enter("teaching");
    await store.enter("paused");
    expect((await open(2)).record).toMatchObject({ state: "paused", pausedIn: "teaching" });
    const later = await open(3);
    await expect(later.enter("done")).rejects.toThrow(ImpossibleTransition);
    await later.resume();
    expect(later.record.state).toBe("teaching");
    expect((await open(4)).record).not.toHaveProperty("pausedIn");
  });

  it("is not resumed where it was not paused", async () => {
    const { open } = setUp();
    await expect((await open(1)).resume()).rejects.toThrow(ImpossibleTransition);
  });

  it("keeps the time at which each state was entered first", async () => {
    const { open, clock } = setUp();
    const store = await open(1);
    for (const state of ["teaching", "failed", "planned", "teaching"] as const) {
      await clock.advance(100);
      await store.enter(state);
    }
    expect(store.record.enteredAtMs).toEqual({ planned: 0, teaching: 100, failed: 200 });
  });

  it("takes changes that are made at once one after the other", async () => {
    const { open } = setUp();
    const store = await open(1);
    await Promise.all([
      store.change({ labelledAtMs: 4 }),
      store.enter("teaching"),
      store.change({ passes: { needed: 2, found: 1, imported: 0 } }),
      store.enter("failed", { error: "why" }),
    ]);
    const passes = { needed: 2, found: 1, imported: 0 };
    const expected = { state: "failed", labelledAtMs: 4, passes, error: "why" };
    expect((await open(2)).record).toMatchObject(expected);
  });

  it("stays as it is when a change is refused, and takes the next", async () => {
    const { open } = setUp();
    const store = await open(1);
    await expect(store.enter("done")).rejects.toThrow(ImpossibleTransition);
    await store.enter("teaching");
    expect(store.record.state).toBe("teaching");
  });
});
