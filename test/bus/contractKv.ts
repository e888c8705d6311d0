import { describe, expect, it } from "vitest";
import type { KeyValue } from "../../shared/bus/bus.ts";
import { InvalidName, RevisionConflict } from "../../shared/bus/errors.ts";
import { bytes, collect, type Harness } from "./contract.ts";

export function kvContract(h: Harness): void {
  const open = async (ttlMs?: number): Promise<KeyValue> =>
    h.finish(h.one.kv(h.fresh("bucket"), ttlMs === undefined ? {} : { ttlMs }));

  describe("a key-value bucket", () => {
    it("creates a key once, also after it was deleted", async () => {
      const kv = await open();
      expect(await h.finish(kv.get("run.r1"))).toBeUndefined();
      const revision = await h.finish(kv.create("run.r1", bytes(1)));
      expect(await h.finish(kv.get("run.r1"))).toEqual({ key: "run.r1", value: bytes(1), revision });
      await expect(h.finish(kv.create("run.r1", bytes(2)))).rejects.toThrow(RevisionConflict);
      await h.finish(kv.delete("run.r1"));
      expect(await h.finish(kv.get("run.r1"))).toBeUndefined();
      const again = await h.finish(kv.create("run.r1", bytes(3)));
      expect(again).toBeGreaterThan(revision);
    });

    it("updates only from the revision that the writer knew, and says which it found", async () => {
      const kv = await open();
      const first = await h.finish(kv.create("lease", bytes(1)));
      const second = await h.finish(kv.update("lease", bytes(2), first));
      await expect(h.finish(kv.update("lease", bytes(3), first))).rejects.toThrow(
        `Cannot update the key "lease" as it is at revision ${second}: expected revision ${first}`,
      );
      await expect(h.finish(kv.update("other", bytes(1), 7))).rejects.toThrow(RevisionConflict);
      expect((await h.finish(kv.get("lease")))?.value).toEqual(bytes(2));
    });

    it("lets exactly one of many updates from one revision win", async () => {
      const kv = await open();
      const revision = await h.finish(kv.put("lease", bytes(0)));
      const updates = Array.from({ length: 10 }, (_, i) => kv.update("lease", bytes(i), revision));
      const outcomes = await h.finish(Promise.allSettled(updates));
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(RevisionConflict);
      }
    });

    it("lists the live keys that match", async () => {
      const kv = await open();
      expect(await h.finish(kv.keys(">"))).toEqual([]);
      for (const key of ["a.1", "a.2", "b.1", "b.1.x"]) await h.finish(kv.put(key, bytes(1)));
      await h.finish(kv.delete("a.2"));
      expect((await h.finish(kv.keys(">"))).sort()).toEqual(["a.1", "b.1", "b.1.x"]);
      expect(await h.finish(kv.keys("a.*"))).toEqual(["a.1"]);
      expect(await h.finish(kv.keys("*.1.>"))).toEqual(["b.1.x"]);
      expect(await h.finish(kv.keys("c.*"))).toEqual([]);
    });

    it("watches the live entries, then every change and deletion", async () => {
      const kv = await open();
      await h.finish(kv.put("a.gone", bytes(1)));
      await h.finish(kv.delete("a.gone"));
      await h.finish(kv.put("a.here", bytes(2)));
      await h.finish(kv.put("b", bytes(3)));
      const stop = new AbortController();
      const { got, ended } = collect(kv.watch("a.*", stop.signal));
      await h.until(() => got.length === 1);
      await h.finish(kv.put("a.new", bytes(4)));
      await h.until(() => got.length === 2);
      await h.finish(kv.delete("a.here"));
      await h.until(() => got.length === 3);
      expect(got.map(({ key, value }) => [key, value?.[0]])).toEqual([
        ["a.here", 2],
        ["a.new", 4],
        ["a.here", undefined],
      ]);
      const revisions = got.map(({ revision }) => revision);
      expect(revisions).toEqual([...revisions].sort((x, y) => x - y));
      stop.abort();
      await h.finish(ended);
    });

    it("lets a key vanish when its time to live is over, unseen by those who watch, and keeps one that is renewed", async () => {
      const kv = await open(1000);
      const stop = new AbortController();
      const { got, ended } = collect(kv.watch(">", stop.signal));
      const dead = await h.finish(kv.put("dead", bytes(1)));
      await h.finish(kv.put("alive", bytes(1)));
      for (let i = 0; i < 5; i++) {
        await h.advance(500);
        await h.finish(kv.put("alive", bytes(2)));
      }
      expect(await h.finish(kv.get("dead"))).toBeUndefined();
      expect(await h.finish(kv.keys(">"))).toEqual(["alive"]);
      await expect(h.finish(kv.update("dead", bytes(2), dead))).rejects.toThrow(RevisionConflict);
      await h.finish(kv.create("dead", bytes(2)));
      await h.until(() => got.length === 8);
      expect(got.filter(({ key }) => key === "dead").map(({ value }) => value?.[0])).toEqual([1, 2]);
      stop.abort();
      await h.finish(ended);
    });

    it("hands out bytes that are the receiver's own, and keeps its own", async () => {
      const kv = await open();
      const sent = bytes(1, 2);
      await h.finish(kv.put("a", sent));
      sent.fill(9);
      const entry = await h.finish(kv.get("a"));
      expect(entry?.value).toEqual(bytes(1, 2));
      expect(entry?.value.buffer.byteLength).toBe(2);
      entry?.value.fill(7);
      expect((await h.finish(kv.get("a")))?.value).toEqual(bytes(1, 2));
    });

    it("refuses keys and buckets with names that it cannot carry", async () => {
      const kv = await open();
      for (const key of ["", ".a", "a.", "a..b", "a b", "a.*", "ü"]) {
        await expect(h.finish(kv.put(key, bytes(1))), key).rejects.toThrow(InvalidName);
      }
      await expect(h.finish(h.one.kv("a.b"))).rejects.toThrow(InvalidName);
      await expect(h.finish(h.one.kv("a", { ttlMs: 0 }))).rejects.toThrow(
        "time to live of 0 ms: expected a whole number from 100",
      );
    });
  });
}
