import { afterAll, beforeAll, describe } from "vitest";
import type { Bus } from "../../shared/bus/bus.ts";
import { coreContract } from "./contractCore.ts";
import { kvContract } from "./contractKv.ts";
import { logContract } from "./contractLog.ts";
import { objectsContract } from "./contractObjects.ts";
import { workContract } from "./contractWork.ts";

/** One bus to test: how to get clients of it, and how to let its time pass. */
export interface BusUnderTest {
  connect(): Promise<Bus>;
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What the parts of the contract get: two clients of one bus, names of their own, and time. */
export interface Harness {
  /** Two clients, fresh for nothing: use other names in each test. */
  readonly one: Bus;
  readonly two: Bus;
  connect(): Promise<Bus>;
  advance(ms: number): Promise<void>;
  /** Lets time pass until a promise has settled, and gives its outcome. */
  finish<T>(promise: Promise<T>): Promise<T>;
  /** Lets time pass until something holds. */
  until(holds: () => boolean): Promise<void>;
  /** A name that no other test uses. */
  fresh(prefix: string): string;
}

/** Everything that `shared/bus/bus.ts` promises, as claims that hold for every implementation. */
export function busContract(name: string, makeBus: () => Promise<BusUnderTest>): void {
  describe(`the bus contract, kept by ${name}`, () => {
    let bus: BusUnderTest;
    let clients: { one: Bus; two: Bus };
    let names = 0;
    const stepMs = 20;

    beforeAll(async () => {
      bus = await makeBus();
      clients = { one: await bus.connect(), two: await bus.connect() };
    });
    afterAll(async () => {
      await harness.finish(Promise.all([clients.one.close(), clients.two.close()]));
      await bus.close();
    });

    const until = async (holds: () => boolean): Promise<void> => {
      for (let waited = 0; !holds(); waited += stepMs) {
        if (waited > 10_000) throw new Error("what the test waits for did not happen within 10 s");
        await bus.advance(stepMs);
      }
    };
    const harness: Harness = {
      get one() {
        return clients.one;
      },
      get two() {
        return clients.two;
      },
      connect: () => bus.connect(),
      advance: (ms) => bus.advance(ms),
      until,
      async finish(promise) {
        let settled = false;
        const done = (): void => {
          settled = true;
        };
        promise.then(done, done);
        await until(() => settled);
        return promise;
      },
      fresh: (prefix) => `${prefix}${names++}`,
    };
    coreContract(harness);
    logContract(harness);
    workContract(harness);
    kvContract(harness);
    objectsContract(harness);
  });
}

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** Takes what an iteration yields into a list, until it ends; `ended` tells. */
export function collect<T>(source: AsyncIterable<T>): { got: T[]; ended: Promise<void> } {
  const got: T[] = [];
  const run = async (): Promise<void> => {
    for await (const item of source) got.push(item);
  };
  return { got, ended: run() };
}
