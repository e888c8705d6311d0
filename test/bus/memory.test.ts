import { describe, expect, it } from "vitest";
import { CorruptObject } from "../../shared/bus/errors.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { ManualClock, settle } from "../helpers/manualClock.ts";
import { busContract, bytes, collect } from "./contract.ts";

busContract("the bus in memory", async () => {
  const clock = new ManualClock();
  const hub = createMemoryBus({ clock, onError: () => {} });
  return {
    connect: async () => hub.connect(),
    advance: (ms) => clock.advance(ms),
    close: async () => {},
  };
});

busContract("the bus in memory with random delays", async () => {
  const clock = new ManualClock();
  const hub = createMemoryBus({ clock, random: rng(7, "bus"), onError: () => {} });
  return {
    connect: async () => hub.connect(),
    advance: (ms) => clock.advance(ms),
    close: async () => {},
  };
});

describe("the bus in memory", () => {
  it("finds an object whose bytes were changed", async () => {
    const hub = createMemoryBus();
    const objects = await hub.connect().objects("models");
    await objects.put("weights", bytes(1, 2, 3));
    hub.tamperObject("models", "weights", (data) => data.fill(0));
    await expect(objects.get("weights")).rejects.toThrow(CorruptObject);
    await expect(objects.get("weights")).rejects.toThrow(
      /its 3 bytes have the SHA-256 \w{64}, expected 3 bytes/,
    );
  });

  it("is read from its start again when it has lost what was read last, as a server that comes back without it", async () => {
    const hub = createMemoryBus();
    const log = await hub.connect().log("labels", "labels.>");
    const stop = new AbortController();
    const behind = collect(log.read("labels.>", stop.signal));
    const before = collect(log.follow("labels.a", stop.signal));
    for (const name of ["a", "b", "c"]) await log.append(`labels.${name}`, bytes(1));
    await settle();
    expect(hub.loseLatest("labels", 2)).toBe(2);
    // Numbered as what was lost.
    for (const name of ["c", "d"]) expect(await log.append(`labels.${name}`, bytes(2))).toBe("appended");
    await settle();
    expect(behind.got.map(({ subject, sequence, data }) => [subject, sequence, data[0]])).toEqual([
      ["labels.a", 1, 1],
      ["labels.b", 2, 1],
      ["labels.c", 3, 1],
      ["labels.a", 1, 1],
      ["labels.c", 2, 2],
      ["labels.d", 3, 2],
    ]);
    // Whose last message is still there has missed nothing.
    expect(before.got).toHaveLength(1);
    stop.abort();
    await Promise.all([behind.ended, before.ended]);
  });

  it("hands what a callback throws to onError", async () => {
    const errors: unknown[] = [];
    const bus = createMemoryBus({ onError: (error) => errors.push(error) }).connect();
    const mistake = new Error("the listener's own mistake");
    bus.subscribe("a", () => {
      throw mistake;
    });
    bus.publish("a", bytes(1));
    await settle();
    expect(errors).toEqual([mistake]);
  });

  it("leaves no timer behind when all work is done and all clients are closed", async () => {
    const clock = new ManualClock();
    const hub = createMemoryBus({ clock });
    const bus = hub.connect();
    const queue = await bus.workQueue("work", "work.>");
    const consumer = await queue.consumer({ name: "c", filter: "work.>", ackWaitMs: 1000, maxDeliver: 3 });
    await queue.publish("work.a", bytes(1));
    const [item] = await consumer.pull(1, 1000);
    await item?.ack();
    const pulling = consumer.pull(1, 1000);
    await settle();
    await bus.close();
    expect(await pulling).toEqual([]);
    expect(clock.waiting).toBe(0);
  });
});
