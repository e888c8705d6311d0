import { describe, expect, it } from "vitest";
import type { WriteOnceLog } from "../../shared/bus/bus.ts";
import { BusUnsuitable, InvalidName, PayloadTooLarge } from "../../shared/bus/errors.ts";
import { subjectsOf } from "../helpers/subjectsOf.ts";
import { bytes, collect, type Harness } from "./contract.ts";

export function logContract(h: Harness): void {
  const open = async (): Promise<{ log: WriteOnceLog; other: WriteOnceLog; root: string }> => {
    const root = h.fresh("log");
    return {
      root,
      log: await h.finish(h.one.log(root, `${root}.>`)),
      other: await h.finish(h.two.log(root, `${root}.>`)),
    };
  };

  describe("a write-once log", () => {
    it("keeps the first answer of a subject and tells the second that it exists", async () => {
      const { log, other, root } = await open();
      expect(await h.finish(log.append(`${root}.a`, bytes(1)))).toBe("appended");
      expect(await h.finish(other.append(`${root}.a`, bytes(2)))).toBe("exists");
      expect(await h.finish(other.get(`${root}.a`))).toEqual(bytes(1));
      expect(await h.finish(log.get(`${root}.b`))).toBeUndefined();
    });

    it("lets exactly one of many writers of one subject win", async () => {
      const { log, other, root } = await open();
      const all = Array.from({ length: 20 }, (_, i) => (i % 2 ? log : other).append(`${root}.a`, bytes(i)));
      const answers = await h.finish(Promise.all(all));
      expect(answers.filter((answer) => answer === "appended")).toHaveLength(1);
      expect(answers.indexOf("appended")).toBe((await h.finish(log.get(`${root}.a`)))?.[0]);
    });

    it("lists the subjects that match, counts, and purges what matches", async () => {
      const { log, root } = await open();
      expect(await h.finish(subjectsOf(log, `${root}.>`))).toEqual([]);
      expect(await h.finish(log.size())).toEqual({ messages: 0, bytes: 0, lastSequence: 0 });
      for (const name of ["a.1", "a.2", "b.1"]) await h.finish(log.append(`${root}.${name}`, bytes(1, 2)));
      expect((await h.finish(subjectsOf(log, `${root}.a.*`))).sort()).toEqual([`${root}.a.1`, `${root}.a.2`]);
      const size = await h.finish(log.size());
      expect(size.messages).toBe(3);
      expect(size.bytes).toBeGreaterThanOrEqual(6);
      expect(size.lastSequence).toBe(3);
      expect(await h.finish(log.purge(`${root}.a.*`))).toBe(2);
      expect(await h.finish(subjectsOf(log, `${root}.>`))).toEqual([`${root}.b.1`]);
      expect(await h.finish(log.append(`${root}.a.1`, bytes(3)))).toBe("appended");
    });

    it("tells which of some subjects exist, in their order, and keeps to those that it was asked for", async () => {
      const { log, other, root } = await open();
      for (const name of ["a.1", "a.2", "b.1"]) await h.finish(log.append(`${root}.${name}`, bytes(1)));
      const asked = ["b.1", "a.3", "a.1"].map((name) => `${root}.${name}`);
      expect(await h.finish(other.existing(asked))).toEqual([`${root}.b.1`, `${root}.a.1`]);
      expect(await h.finish(log.existing([]))).toEqual([]);
      await h.finish(log.purge(`${root}.b.1`));
      expect(await h.finish(log.existing([`${root}.b.1`]))).toEqual([]);
    });

    it("reads what exists and then what arrives, in order, until the signal aborts", async () => {
      const { log, other, root } = await open();
      for (let i = 0; i < 5; i++) await h.finish(log.append(`${root}.a.${i}`, bytes(i)));
      await h.finish(log.append(`${root}.b`, bytes(99)));
      const stop = new AbortController();
      const { got, ended } = collect(other.read(`${root}.a.*`, stop.signal));
      await h.until(() => got.length === 5);
      for (let i = 5; i < 8; i++) await h.finish(log.append(`${root}.a.${i}`, bytes(i)));
      await h.until(() => got.length === 8);
      expect(got.map(({ data }) => data[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(got.map(({ subject }) => subject)).toEqual(got.map((_, i) => `${root}.a.${i}`));
      expect(got.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 7, 8, 9]);
      for (const { data, bytes: size } of got) {
        expect(data.buffer.byteLength).toBe(1);
        expect(size).toBe(1);
      }
      stop.abort();
      await h.finish(ended);
    });

    it("reads 1000 messages without a gap while they are written", async () => {
      const { log, other, root } = await open();
      const stop = new AbortController();
      const { got, ended } = collect(other.read(`${root}.>`, stop.signal));
      for (let block = 0; block < 10; block++) {
        const writes = Array.from({ length: 100 }, (_, i) =>
          log.append(`${root}.${block * 100 + i}`, new Uint8Array(100).fill(block)),
        );
        await h.finish(Promise.all(writes));
      }
      await h.until(() => got.length === 1000);
      expect(got.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
      stop.abort();
      await h.finish(ended);
    });

    it("follows without payloads, and tells their size", async () => {
      const { log, root } = await open();
      await h.finish(log.append(`${root}.a`, new Uint8Array(1234)));
      const stop = new AbortController();
      const { got, ended } = collect(log.follow(`${root}.>`, stop.signal));
      await h.until(() => got.length === 1);
      await h.finish(log.append(`${root}.b`, new Uint8Array(0)));
      await h.until(() => got.length === 2);
      expect(got).toMatchObject([
        { subject: `${root}.a`, sequence: 1, bytes: 1234, data: bytes() },
        { subject: `${root}.b`, sequence: 2, bytes: 0, data: bytes() },
      ]);
      expect(got[1]?.storedAtMs).toBeGreaterThanOrEqual(got[0]?.storedAtMs as number);
      stop.abort();
      await h.finish(ended);
    });

    it("reads what exists alone where it is told so, also where nothing matches", async () => {
      const { log, other, root } = await open();
      const signal = new AbortController().signal;
      const many = Array.from({ length: 300 }, (_, i) => i % 256);
      await h.finish(Promise.all(many.map((n, i) => log.append(`${root}.a.${i}`, bytes(n)))));
      await h.finish(log.append(`${root}.b`, bytes(99)));
      const read = collect(other.read(`${root}.a.*`, signal, { until: "now" }));
      await h.finish(read.ended);
      const said = new Map(read.got.map(({ subject, data }) => [subject, data[0]]));
      expect(read.got.length).toBe(300);
      expect([...many.keys()].map((i) => said.get(`${root}.a.${i}`))).toEqual(many);
      const followed = collect(other.follow(`${root}.>`, signal, { until: "now" }));
      await h.finish(followed.ended);
      expect(followed.got.map(({ bytes: size }) => size)).toEqual(Array.from({ length: 301 }, () => 1));
      const nothing = collect(other.read(`${root}.c.>`, signal, { until: "now" }));
      await h.finish(nothing.ended);
      expect(nothing.got).toEqual([]);
    });

    it("passes over what was there by a sequence, and over nothing where the log has not come that far", async () => {
      const { log, other, root } = await open();
      for (const name of ["a", "b", "c"]) await h.finish(log.append(`${root}.${name}`, bytes(1)));
      const { lastSequence } = await h.finish(log.size());
      const stop = new AbortController();
      const behind = collect(other.read(`${root}.>`, stop.signal, { after: lastSequence }));
      await h.finish(log.append(`${root}.d`, bytes(4)));
      await h.until(() => behind.got.length > 0);
      expect(behind.got.map(({ subject }) => subject)).toEqual([`${root}.d`]);
      stop.abort();
      await h.finish(behind.ended);
      const [rest, all] = [lastSequence - 1, lastSequence + 2].map((after) =>
        collect(other.follow(`${root}.>`, new AbortController().signal, { until: "now", after })),
      );
      await h.finish(Promise.all([rest?.ended, all?.ended]));
      expect(rest?.got.map(({ subject }) => subject)).toEqual([`${root}.c`, `${root}.d`]);
      expect(all?.got.length).toBe(4);
    });

    it("ends no reading of what exists as if that were all when it is closed", async () => {
      const client = await h.connect();
      const root = h.fresh("closed");
      const log = await h.finish(client.log(root, `${root}.>`));
      for (const name of ["a", "b", "c"]) await h.finish(log.append(`${root}.${name}`, bytes(1)));
      const reading = log
        .read(`${root}.>`, new AbortController().signal, { until: "now" })
        [Symbol.asyncIterator]();
      expect((await h.finish(reading.next())).value.subject).toBe(`${root}.a`);
      await h.finish(client.close());
      await expect(h.finish(reading.next())).rejects.toThrow(
        /Cannot read ".*" in .* as this connection to .* was closed/,
      );
    });

    it("ends an iteration at once under a signal that was aborted before", async () => {
      const { log, root } = await open();
      await h.finish(log.append(`${root}.a`, bytes(1)));
      const { got, ended } = collect(log.read(`${root}.>`, AbortSignal.abort()));
      await h.finish(ended);
      expect(got).toEqual([]);
    });

    it("can be left in the middle of a reading", async () => {
      const { log, root } = await open();
      for (let i = 0; i < 3; i++) await h.finish(log.append(`${root}.${i}`, bytes(i)));
      const first = (async () => {
        for await (const { subject } of log.read(`${root}.>`, new AbortController().signal)) return subject;
        return undefined;
      })();
      expect(await h.finish(first)).toBe(`${root}.0`);
    });

    it("takes the largest payload that the bus names, and refuses one byte more", async () => {
      const { log, root } = await open();
      const largest = new Uint8Array(h.one.maxPayloadBytes);
      expect(await h.finish(log.append(`${root}.a`, largest))).toBe("appended");
      const more = new Uint8Array(h.one.maxPayloadBytes + 1);
      await expect(h.finish(log.append(`${root}.b`, more))).rejects.toThrow(PayloadTooLarge);
    });

    it("refuses names that it cannot carry, and subjects outside of it", async () => {
      const { log, root } = await open();
      await expect(h.finish(log.append("elsewhere.a", bytes()))).rejects.toThrow(
        `Cannot use "elsewhere.a" as a subject: expected something inside ${root}.>`,
      );
      await expect(h.finish(log.append(`${root}.a b`, bytes()))).rejects.toThrow(InvalidName);
      expect(() => log.read(">", AbortSignal.abort())).toThrow(InvalidName);
      await expect(h.finish(h.one.log("a.b", "c.>"))).rejects.toThrow(
        'Cannot use "a.b" as a log: expected 1 to 200 letters, digits, - or _',
      );
      await expect(h.finish(h.one.log(root, `${root}x.>`))).rejects.toThrow(BusUnsuitable);
    });
  });
}
