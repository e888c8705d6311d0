import { describe, expect, it } from "vitest";
import type { Bus, KeyValue } from "../../shared/bus/bus.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { type Lease, LeaseLost, takeLease } from "../../shared/cluster/lease.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { LeaseRecord } from "../../shared/protocol/run.ts";
import { buckets, PRESENCE_TTL_MS } from "../../shared/protocol/subjects.ts";
import { ManualClock } from "../helpers/manualClock.ts";
import { Life, mortalBus, mortalClock } from "../helpers/mortality.ts";

interface Contender {
  lease: Lease | undefined;
  readonly waitedFor: string[];
  readonly life: Life;
  readonly stop: AbortController;
}

function setUp() {
  const clock = new ManualClock();
  const hub = createMemoryBus({ clock });
  const bus = hub.connect("test");
  return {
    clock,
    bus,
    kv: (): Promise<KeyValue> => bus.kv(buckets.leases, { ttlMs: PRESENCE_TTL_MS }),
    /** Starts to ask for the lease, as a node of its own. */
    contend(name: string): Contender {
      const life = new Life();
      const contender: Contender = { lease: undefined, waitedFor: [], life, stop: new AbortController() };
      const own = { bus: mortalBus(hub.connect(name), life), clock: mortalClock(clock, life) };
      void takeLease(own.bus, "run", name, own.clock, contender.stop.signal, {
        onWait: (holder) => contender.waitedFor.push(holder),
      }).then((lease) => {
        contender.lease = lease;
      });
      return contender;
    },
  };
}

/** A bus to whose keys nothing can be written once the connection is cut: what is asked for then has no answer, or an error. */
function whenCut(bus: Bus, isCut: () => boolean, fails = false): Bus {
  return Object.assign(Object.create(bus) as Bus, {
    async kv(bucket: string, options?: { ttlMs: number }) {
      const kv = await bus.kv(bucket, options);
      return Object.assign(Object.create(kv) as KeyValue, {
        create: kv.create.bind(kv),
        get: kv.get.bind(kv),
        update: (key: string, value: Uint8Array, revision: number) =>
          !isCut()
            ? kv.update(key, value, revision)
            : fails
              ? Promise.reject(new Error("no answer"))
              : new Promise<never>(() => undefined),
      });
    },
  });
}

const reasonOf = ({ lease }: Contender): string => (lease?.signal.reason as Error | undefined)?.message ?? "";

describe("a lease", () => {
  it("is one holder's for as long as it is renewed; the others wait, and know for whom", async () => {
    const { clock, contend } = setUp();
    const a = contend("a");
    await clock.advance(100);
    const b = contend("b");
    await clock.advance(60_000);
    expect(a.lease?.signal.aborted).toBe(false);
    expect(b.lease).toBeUndefined();
    expect(b.waitedFor).toEqual(["a"]);
    await a.lease?.release();
    await clock.advance(500);
    expect(b.lease?.fence).toBeGreaterThan(a.lease?.fence as number);
    await b.lease?.release();
    expect(clock.waiting).toBe(0);
  });

  it("goes on to another within 3.5 seconds when its holder is killed", async () => {
    const { clock, contend } = setUp();
    const a = contend("a");
    const b = contend("b");
    await clock.advance(10_000);
    expect(b.lease).toBeUndefined();
    a.life.end();
    // 3 s of time to live from the last renewal, and a look each half second.
    await clock.advance(3_500);
    expect(b.lease?.fence).toBeGreaterThan(a.lease?.fence as number);
    await b.lease?.release();
    expect(clock.waiting).toBe(0);
  });

  it("names its holder and keeps the fence through renewals", async () => {
    const { clock, contend, kv } = setUp();
    const a = contend("a");
    await clock.advance(10_500);
    const entry = await (await kv()).get("run");
    const record = decode(LeaseRecord, entry?.value as Uint8Array, "lease");
    expect(record).toEqual({ type: "lease", holder: "a", fence: a.lease?.fence });
    expect(entry?.revision).toBeGreaterThan(record.fence);
    await a.lease?.release();
  });

  it("is lost when another has it, and its holder knows within a second", async () => {
    const { clock, contend, kv } = setUp();
    const a = contend("a");
    await clock.advance(100);
    await (await kv()).delete("run");
    const b = contend("b");
    await clock.advance(1_000);
    expect(b.lease).toBeDefined();
    expect(a.lease?.signal.reason).toBeInstanceOf(LeaseLost);
    expect(reasonOf(a)).toBe("Cannot go on as a as the lease on run is lost: somebody else holds it");
    await a.lease?.release();
    await clock.advance(10_000);
    expect(b.lease?.signal.aborted).toBe(false);
    await b.lease?.release();
  });

  it("is lost when no renewal gets through for as long as it lives", async () => {
    const { clock, bus } = setUp();
    let cut = false;
    const lease = takeLease(
      whenCut(bus, () => cut),
      "run",
      "a",
      clock,
      new AbortController().signal,
    );
    await clock.advance(5_000);
    cut = true;
    const { signal } = (await lease) as Lease;
    // Last renewed at 5 s; that of 6 s waits for ever.
    await clock.advance(PRESENCE_TTL_MS - 1);
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    expect(signal.reason).toBeInstanceOf(LeaseLost);
    expect(`${signal.reason}`).toContain("it could not be renewed for 3000 ms");
  });

  it("that may lapse is taken again by its holder once the server answers, and is lost to another alone", async () => {
    const { clock, bus, contend } = setUp();
    let cut = false;
    const lease = takeLease(
      whenCut(bus, () => cut, true),
      "run",
      "a",
      clock,
      new AbortController().signal,
      { mayLapse: true },
    );
    await clock.advance(5_000);
    const { signal } = (await lease) as Lease;
    cut = true;
    await clock.advance(10 * PRESENCE_TTL_MS);
    cut = false;
    await clock.advance(1_000);
    const b = contend("b");
    await clock.advance(10_000);
    expect([signal.aborted, b.lease]).toEqual([false, undefined]);
    cut = true;
    await clock.advance(2 * PRESENCE_TTL_MS);
    expect(b.lease).toBeDefined();
    cut = false;
    await clock.advance(1_000);
    expect(`${signal.reason}`).toContain("is lost: somebody else holds it");
    await b.lease?.release();
  });

  it("of another is not given back by one who does not know that it lost it", async () => {
    const { clock, contend, kv } = setUp();
    const a = contend("a");
    await clock.advance(100);
    await (await kv()).delete("run");
    const b = contend("b");
    await clock.advance(0);
    expect([a.lease?.signal.aborted, b.lease !== undefined]).toEqual([false, true]);
    await a.lease?.release();
    await clock.advance(10_000);
    expect(b.lease?.signal.aborted).toBe(false);
    await b.lease?.release();
  });

  it("is asked for no more when the asking is told to end", async () => {
    const { clock, contend } = setUp();
    const a = contend("a");
    const b = contend("b");
    await clock.advance(1_000);
    b.stop.abort();
    await a.lease?.release();
    await clock.advance(5_000);
    expect(b.lease).toBeUndefined();
    expect(clock.waiting).toBe(0);
  });

  it("may be given back twice", async () => {
    const { clock, contend } = setUp();
    const a = contend("a");
    await clock.advance(100);
    await a.lease?.release();
    const b = contend("b");
    await clock.advance(100);
    await a.lease?.release();
    await clock.advance(5_000);
    expect(b.lease?.signal.aborted).toBe(false);
    await b.lease?.release();
  });
});
