import { describe, expect, it } from "vitest";
import { MemoryHub } from "../../shared/bus/memory/hub.ts";
import { followRuns } from "../../shared/cluster/followRuns.ts";
import { takeLease } from "../../shared/cluster/lease.ts";
import { RunSpec } from "../../shared/config/spec.ts";
import { contentHash } from "../../shared/determinism/hash.ts";
import { encode } from "../../shared/protocol/codec.ts";
import { RunRecord } from "../../shared/protocol/run.ts";
import { buckets } from "../../shared/protocol/subjects.ts";
import { ManualClock } from "../helpers/manualClock.ts";

const spec = RunSpec.parse({
  name: "tiny",
  data: { format: "synthetic" },
  teachers: [{ name: "a", model: { arch: "mlp", hidden: [4] }, train: { epochs: 1 } }],
  student: { model: { arch: "mlp", hidden: [4] }, train: { epochs: 1 } },
});
const record: RunRecord = {
  type: "run",
  run: "tiny-1",
  fence: 1,
  state: "distilling",
  spec,
  specHash: contentHash(spec),
  data: { spec: spec.data, baseDir: "/data", hash: contentHash("data") },
  shards: [],
  teachers: [],
  passes: null,
  createdAtMs: 0,
  enteredAtMs: {},
  labelledAtMs: null,
  error: null,
};

/** Follows the runs of a hub that holds `record`; `told` grows by one entry a call. */
async function following(
  check: (about: { hub: MemoryHub; clock: ManualClock; told: boolean[]; bad: unknown[] }) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const hub = new MemoryHub({ clock });
  const [writer, node] = [hub.connect("writer"), hub.connect("node")];
  const stop = new AbortController();
  const told: boolean[] = [];
  const bad: unknown[] = [];
  await (await writer.kv(buckets.runs)).put(record.run, encode(RunRecord, record));
  const end = followRuns({
    bus: node,
    clock,
    signal: stop.signal,
    onRun: (_, wanted) => told.push(wanted),
    onBad: (error) => bad.push(error),
  });
  await clock.advance(0);
  try {
    await check({ hub, clock, told, bad });
  } finally {
    stop.abort();
    await clock.advance(1_000);
    await end;
    await Promise.all([writer.close(), node.close()]);
  }
}

describe("followRuns()", () => {
  it("does not want a run that nobody coordinates, and wants it once somebody does", async () => {
    await following(async ({ hub, clock, told }) => {
      await clock.advance(20_000);
      expect(told).toEqual([false]);
      const coordinator = hub.connect("coordinator");
      const lease = await takeLease(
        coordinator,
        "coordinator.tiny-1",
        "c1",
        clock,
        new AbortController().signal,
      );
      await clock.advance(2_000);
      expect(told).toEqual([false, true]);
      await lease?.release();
      await coordinator.close();
    });
  });

  it("goes on wanting a run for 15 seconds after its coordinator was last seen, and then no more", async () => {
    await following(async ({ hub, clock, told }) => {
      const coordinator = hub.connect("coordinator");
      const lease = await takeLease(
        coordinator,
        "coordinator.tiny-1",
        "c1",
        clock,
        new AbortController().signal,
      );
      await clock.advance(2_000);
      await lease?.release();
      await clock.advance(13_000);
      expect(told).toEqual([false, true]);
      await clock.advance(5_000);
      expect(told).toEqual([false, true, false]);
      await coordinator.close();
    });
  });

  it("tells of each change of a record, and leaves out one that it cannot read", async () => {
    await following(async ({ hub, clock, told, bad }) => {
      const writer = hub.connect("another");
      const runs = await writer.kv(buckets.runs);
      await runs.put("garbled", new Uint8Array([1, 2, 3]));
      await runs.put(record.run, encode(RunRecord, { ...record, state: "done" }));
      await clock.advance(10);
      expect(told).toEqual([false, false]);
      expect(bad).toHaveLength(1);
      await writer.close();
    });
  });
});
