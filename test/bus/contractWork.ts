import { describe, expect, it } from "vitest";
import type { WorkConsumer, WorkConsumerOptions, WorkItem, WorkQueue } from "../../shared/bus/bus.ts";
import { ConsumerOverlap, InvalidName } from "../../shared/bus/errors.ts";
import { bytes, type Harness } from "./contract.ts";

const ackWaitMs = 500;

export function workContract(h: Harness): void {
  const open = async (
    options: Partial<WorkConsumerOptions> = {},
  ): Promise<{ queue: WorkQueue; consumer: WorkConsumer; root: string }> => {
    const root = h.fresh("work");
    const queue = await h.finish(h.one.workQueue(root, `${root}.>`));
    const asked = { name: "teacher", filter: `${root}.>`, ackWaitMs, maxDeliver: 5, ...options };
    return { root, queue, consumer: await h.finish(queue.consumer(asked)) };
  };
  const pull = (consumer: WorkConsumer, max: number, waitMs = 1000): Promise<WorkItem[]> =>
    h.finish(consumer.pull(max, waitMs));
  const only = (items: WorkItem[]): WorkItem => {
    expect(items).toHaveLength(1);
    return items[0] as WorkItem;
  };

  describe("a work queue", () => {
    it("refuses a subject that is pending, also while it is worked on, and takes it again when it is done", async () => {
      const { queue, consumer, root } = await open();
      const publish = () => h.finish(queue.publish(`${root}.a`, bytes(1)));
      expect(await publish()).toBe("queued");
      expect(await publish()).toBe("exists");
      const item = only(await pull(consumer, 1));
      expect([item.subject, [...item.data], item.delivery]).toEqual([`${root}.a`, [1], 1]);
      expect(item.data.buffer.byteLength).toBe(1);
      expect(await publish()).toBe("exists");
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([`${root}.a`]);
      await h.finish(item.ack());
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([]);
      expect(await publish()).toBe("queued");
    });

    it("hands each message to one of two pullers that share a consumer", async () => {
      const { queue, consumer, root } = await open();
      const other = await h.finish(h.two.workQueue(root, `${root}.>`));
      const shared = await h.finish(
        other.consumer({ name: "teacher", filter: `${root}.>`, ackWaitMs, maxDeliver: 5 }),
      );
      for (let i = 0; i < 10; i++) await h.finish(queue.publish(`${root}.${i}`, bytes(i)));
      const [mine, theirs] = await h.finish(Promise.all([consumer.pull(5, 1000), shared.pull(5, 1000)]));
      expect([...mine, ...theirs].map(({ data }) => data[0]).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it("resolves a pull as soon as enough came, with what came, or with nothing when the time is over", async () => {
      const { queue, consumer, root } = await open();
      const waiting = consumer.pull(2, 30_000);
      await h.advance(40);
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      await h.finish(queue.publish(`${root}.b`, bytes(2)));
      expect((await h.finish(waiting)).map(({ subject }) => subject)).toEqual([`${root}.a`, `${root}.b`]);
      expect(await pull((await open()).consumer, 1)).toEqual([]);
      const few = await open({ ackWaitMs: 20_000 });
      await h.finish(few.queue.publish(`${few.root}.a`, bytes(1)));
      only(await pull(few.consumer, 3));
    });

    it("lets what came wait for more no longer than it is told to, and hands the next to the next pull", async () => {
      const { queue, consumer, root } = await open({ ackWaitMs: 20_000 });
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      only(await h.finish(consumer.pull(2, 30_000, undefined, 20)));
      for (const name of ["b", "c", "d"]) await h.finish(queue.publish(`${root}.${name}`, bytes(1)));
      const both = await h.finish(consumer.pull(2, 30_000, undefined, 20_000));
      expect(both.map(({ subject }) => subject)).toEqual([`${root}.b`, `${root}.c`]);
      expect(only(await pull(consumer, 1)).subject).toBe(`${root}.d`);
    });

    it("hands a message out again when it was not acknowledged in time; both acknowledgements succeed", async () => {
      const { queue, consumer, root } = await open();
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      const late = only(await pull(consumer, 1));
      const again = only(await pull(consumer, 1, 3000));
      expect(again.delivery).toBe(2);
      await h.finish(again.ack());
      await h.finish(late.ack());
      await h.finish(late.ack());
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([]);
    });

    it("keeps a message with a worker that says it is still at it", async () => {
      const { queue, consumer, root } = await open();
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      const item = only(await pull(consumer, 1));
      const second = consumer.pull(1, 1200);
      for (let i = 0; i < 5; i++) {
        await h.advance(ackWaitMs / 2);
        item.working();
      }
      expect(await h.finish(second)).toEqual([]);
      await h.finish(item.ack());
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([]);
    });

    it("hands a message out again after nak, at once or after the delay, and never after term", async () => {
      const { queue, consumer, root } = await open({ ackWaitMs: 20_000 });
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      only(await pull(consumer, 1)).nak();
      only(await pull(consumer, 1)).nak(400);
      let came = 0;
      const delayed = consumer.pull(1, 3000).then((items) => {
        came = items.length;
        return items;
      });
      await h.advance(200);
      expect(came).toBe(0);
      const item = only(await h.finish(delayed));
      expect(item.delivery).toBe(3);
      item.term();
      expect(await pull(consumer, 1)).toEqual([]);
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([]);
    });

    it("hands out no more than maxDeliver times, tells those who listen, and keeps the message pending", async () => {
      const { queue, consumer, root } = await open({ maxDeliver: 2, ackWaitMs: 20_000 });
      const exhausted: string[] = [];
      const subscription = queue.onExhausted((subject) => exhausted.push(subject));
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      only(await pull(consumer, 1)).nak();
      const last = only(await pull(consumer, 1));
      last.nak();
      expect(await pull(consumer, 1)).toEqual([]);
      await h.until(() => exhausted.length === 1);
      expect(exhausted).toEqual([`${root}.a`]);
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([`${root}.a`]);
      expect(await h.finish(queue.publish(`${root}.a`, bytes(2)))).toBe("exists");
      // A worker that comes back after all has done the work.
      await h.finish(last.ack());
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([]);
      subscription.unsubscribe();
    });

    it("gives up a message whose last delivery ran out of time, says so once, and tells nobody who listens later", async () => {
      const { queue, consumer, root } = await open({ maxDeliver: 2 });
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      const first = only(await pull(consumer, 1));
      expect(only(await pull(consumer, 1, 3000)).delivery).toBe(2);
      const heard: string[] = [];
      const early = queue.onExhausted((subject) => heard.push(subject));
      expect(await pull(consumer, 1, 2 * ackWaitMs)).toEqual([]);
      await h.until(() => heard.length === 1);
      early.unsubscribe();
      const late: string[] = [];
      const subscription = queue.onExhausted((subject) => late.push(subject));
      expect(await pull(consumer, 1, 2 * ackWaitMs)).toEqual([]);
      expect([heard, late]).toEqual([[`${root}.a`], []]);
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([`${root}.a`]);
      await h.finish(first.ack());
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([]);
      subscription.unsubscribe();
    });

    it("is done with a message that was handed out again when the first who had it acknowledges late", async () => {
      const { queue, consumer, root } = await open();
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      const late = only(await pull(consumer, 1));
      const again = only(await pull(consumer, 1, 3000));
      await h.finish(late.ack());
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([]);
      again.working();
      expect(await pull(consumer, 1, 2 * ackWaitMs)).toEqual([]);
      expect(await h.finish(queue.publish(`${root}.a`, bytes(2)))).toBe("queued");
      // Of the message that is gone, not of the one that has its subject now.
      await h.finish(again.ack());
      expect(only(await pull(consumer, 1)).data).toEqual(bytes(2));
    });

    it("hands out again what a client held that has closed, when its time is over and not before", async () => {
      const { queue, consumer, root } = await open({ ackWaitMs: 1500 });
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      const client = await h.connect();
      const theirs = await h.finish(client.workQueue(root, `${root}.>`));
      const shared = await h.finish(
        theirs.consumer({ name: "teacher", filter: `${root}.>`, ackWaitMs: 1500, maxDeliver: 5 }),
      );
      only(await pull(shared, 1));
      await h.finish(client.close());
      expect(await pull(consumer, 1, 500)).toEqual([]);
      expect(only(await pull(consumer, 1, 3000)).delivery).toBe(2);
    });

    it("hands an exhausted message out anew when it was purged and queued again", async () => {
      const { queue, consumer, root } = await open({ maxDeliver: 1, ackWaitMs: 20_000 });
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      only(await pull(consumer, 1)).nak();
      expect(await pull(consumer, 1)).toEqual([]);
      expect(await h.finish(queue.purge(`${root}.a`))).toBe(1);
      await h.finish(queue.publish(`${root}.a`, bytes(2)));
      expect(only(await pull(consumer, 1)).delivery).toBe(1);
    });

    it("purges what matches and leaves the rest as it was, in flight or new, also of another consumer", async () => {
      const root = h.fresh("work");
      const queue = await h.finish(h.one.workQueue(root, `${root}.>`));
      const open = (name: string) =>
        h.finish(queue.consumer({ name, filter: `${root}.${name}.*`, ackWaitMs, maxDeliver: 9 }));
      const [a, b] = [await open("a"), await open("b")];
      for (const name of ["a.1", "b.1", "a.2", "b.2", "a.3", "b.3"]) {
        await h.finish(queue.publish(`${root}.${name}`, bytes(1)));
      }
      const first = only(await pull(a, 1));
      const other = only(await pull(b, 1));
      expect(await h.finish(queue.purge(`${root}.a.2`))).toBe(1);
      expect((await h.finish(queue.pending(`${root}.>`))).length).toBe(5);
      expect((await pull(a, 2, 3000)).map(({ subject }) => subject)).toEqual([`${root}.a.3`, first.subject]);
      expect(await h.finish(queue.purge(`${root}.a.*`))).toBe(2);
      await h.finish(other.ack());
      expect((await pull(b, 2, 3000)).map(({ subject }) => subject).sort()).toEqual([
        `${root}.b.2`,
        `${root}.b.3`,
      ]);
      expect((await h.finish(queue.pending(`${root}.>`))).sort()).toEqual([`${root}.b.2`, `${root}.b.3`]);
      expect(await h.finish(queue.purge(`${root}.>`))).toBe(2);
    });

    it("ends a pull early on abort, and hands back what came", async () => {
      const { queue, consumer, root } = await open({ ackWaitMs: 20_000 });
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      const stop = new AbortController();
      const pulling = consumer.pull(2, 30_000, stop.signal);
      await h.advance(100);
      stop.abort();
      expect(await h.finish(pulling)).toEqual([]);
      expect(only(await pull(consumer, 1)).subject).toBe(`${root}.a`);
      expect(await h.finish(consumer.pull(1, 30_000, AbortSignal.abort()))).toEqual([]);
    });

    it("gives a consumer the options asked for last, and its pullers what another client opened", async () => {
      const { queue, consumer, root } = await open({ maxDeliver: 1, ackWaitMs: 20_000 });
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      await h.finish(
        queue.consumer({ name: "teacher", filter: `${root}.>`, ackWaitMs: 20_000, maxDeliver: 2 }),
      );
      only(await pull(consumer, 1)).nak();
      expect(only(await pull(consumer, 1)).delivery).toBe(2);
    });

    it("keeps what is pending when a consumer is deleted, and pulling makes the consumer again", async () => {
      const { queue, consumer, root } = await open({ ackWaitMs: 20_000 });
      await h.finish(queue.publish(`${root}.a`, bytes(1)));
      only(await pull(consumer, 1));
      await h.finish(queue.deleteConsumer("teacher"));
      await h.finish(queue.deleteConsumer("teacher"));
      expect(await h.finish(queue.pending(`${root}.>`))).toEqual([`${root}.a`]);
      expect(only(await pull(consumer, 1)).delivery).toBe(1);
    });

    it("gives two consumers their own parts, and refuses one whose filter overlaps", async () => {
      const root = h.fresh("work");
      const queue = await h.finish(h.one.workQueue(root, `${root}.>`));
      const part = (name: string) =>
        h.finish(queue.consumer({ name, filter: `${root}.${name}.>`, ackWaitMs, maxDeliver: 2 }));
      const a = await part("a");
      const b = await part("b");
      await h.finish(queue.publish(`${root}.a.1`, bytes(1)));
      await h.finish(queue.publish(`${root}.b.1`, bytes(2)));
      expect(only(await pull(b, 1)).subject).toBe(`${root}.b.1`);
      expect(only(await pull(a, 1)).subject).toBe(`${root}.a.1`);
      const greedy = { name: "c", filter: `${root}.>`, ackWaitMs, maxDeliver: 2 };
      await expect(h.finish(queue.consumer(greedy))).rejects.toThrow(ConsumerOverlap);
      await expect(h.finish(queue.consumer({ ...greedy, name: "c.d" }))).rejects.toThrow(InvalidName);
    });
  });
}
