import { describe, expect, it } from "vitest";
import { BusUnreachable, InvalidName, PayloadTooLarge } from "../../shared/bus/errors.ts";
import { bytes, type Harness } from "./contract.ts";

export function coreContract(h: Harness): void {
  /** A subscription is known to the bus once a later request of the same client was answered. */
  const known = async (): Promise<void> => void (await h.finish(h.two.kv("known")));

  describe("core messages", () => {
    it("reach every listener whose filter matches, in the order of their publisher", async () => {
      const root = h.fresh("core");
      const all: string[] = [];
      const some: string[] = [];
      h.two.subscribe(`${root}.>`, ({ subject, data }) => all.push(`${subject} ${data.join()}`));
      h.two.subscribe(`${root}.*.x`, ({ subject }) => some.push(subject));
      await known();
      for (let i = 0; i < 50; i++) h.one.publish(`${root}.${i}.${i % 2 === 0 ? "x" : "y"}`, bytes(i));
      await h.until(() => all.length === 50);
      expect(all).toEqual(
        Array.from({ length: 50 }, (_, i) => `${root}.${i}.${i % 2 === 0 ? "x" : "y"} ${i}`),
      );
      expect(some).toHaveLength(25);
    });

    it("arrive after the call that publishes them, never inside it", async () => {
      const subject = h.fresh("core");
      let arrived = 0;
      h.one.subscribe(subject, () => arrived++);
      h.one.publish(subject, bytes(1));
      expect(arrived).toBe(0);
      await h.until(() => arrived === 1);
    });

    it("belong to the receiver: no buffer is shared with the sender, another receiver, or a larger one", async () => {
      const subject = h.fresh("core");
      const got: Uint8Array[] = [];
      h.two.subscribe(subject, ({ data }) => got.push(data));
      h.two.subscribe(subject, ({ data }) => got.push(data));
      await known();
      const sent = bytes(1, 2, 3);
      h.one.publish(subject, sent);
      sent.fill(9);
      await h.until(() => got.length === 2);
      const [first, second] = got as [Uint8Array, Uint8Array];
      expect([...first]).toEqual([1, 2, 3]);
      expect(first.buffer.byteLength).toBe(3);
      first.fill(7);
      expect([...second]).toEqual([1, 2, 3]);
    });

    it("stop after unsubscribe, and a callback that throws ends nothing but itself", async () => {
      const subject = h.fresh("core");
      const seen: number[] = [];
      const subscription = h.two.subscribe(subject, ({ data }) => {
        seen.push(data[0] as number);
        if (data[0] === 1) throw new Error("the listener's own mistake");
      });
      await known();
      h.one.publish(subject, bytes(1));
      h.one.publish(subject, bytes(2));
      await h.until(() => seen.length === 2);
      subscription.unsubscribe();
      await known();
      h.one.publish(subject, bytes(3));
      await h.advance(60);
      expect(seen).toEqual([1, 2]);
    });

    it("are refused when the subject holds a wildcard or the payload is too large", () => {
      expect(() => h.one.publish("a.*", bytes())).toThrow(InvalidName);
      expect(() => h.one.publish("a..b", bytes())).toThrow(
        /"a..b" as a subject: expected tokens between dots/,
      );
      expect(() => h.one.subscribe("a.>.b", () => {})).toThrow(InvalidName);
      const tooLarge = new Uint8Array(h.one.maxPayloadBytes + 1);
      expect(() => h.one.publish("a", tooLarge)).toThrow(PayloadTooLarge);
      expect(() => h.one.publish("a", tooLarge)).toThrow(
        `at most ${h.one.maxPayloadBytes}: split it, or raise max_payload`,
      );
    });
  });

  describe("a closed client", () => {
    it("says so, ends its iterations and pulls, refuses further calls, and may be closed again", async () => {
      const client = await h.connect();
      const statuses: string[] = [];
      client.onStatus(({ kind }) => statuses.push(kind));
      const root = h.fresh("close");
      const log = await h.finish(client.log(root, `${root}.>`));
      const queue = await h.finish(client.workQueue(`${root}q`, `${root}q.>`));
      const consumer = await h.finish(
        queue.consumer({ name: "c", filter: `${root}q.>`, ackWaitMs: 1000, maxDeliver: 2 }),
      );
      let ended = 0;
      const never = new AbortController().signal;
      const reading = (async () => {
        for await (const _ of log.read(`${root}.>`, never)) ended--;
        ended++;
      })();
      const pulling = consumer.pull(1, 30_000).then((items) => expect(items).toEqual([]));
      await h.advance(40);
      await h.finish(client.close());
      await h.finish(Promise.all([reading, pulling]));
      expect(ended).toBe(1);
      expect(statuses).toEqual(["closed"]);
      await h.finish(client.close());
      expect(() => client.publish("a", bytes())).toThrow(BusUnreachable);
      await expect(h.finish(log.append(`${root}.a`, bytes(1)))).rejects.toThrow(
        /Cannot append to ".*" as this connection to .* was closed/,
      );
      await expect(h.finish(client.kv("known"))).rejects.toThrow(BusUnreachable);
    });
  });
}
