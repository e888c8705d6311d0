import { connect, createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { leastOf } from "../../bench/cluster/serverContents.ts";
import { type ServiceTime, serviceTimes } from "../../bench/cluster/serviceTimes.ts";
import { simulatedSpec, simulatedTeachers } from "../../bench/cluster/simulatedRun.ts";
import { SimulatedTeacher } from "../../bench/cluster/simulatedTeacher.ts";
import { openCable } from "../helpers/cable.ts";

const DRAWS = 20_000;

function drawn(of: Partial<ServiceTime>, node = "node-0"): number[] {
  const next = serviceTimes({ kind: "fixed", meanMs: 20, variation: 0.5, ...of }, node);
  return Array.from({ length: DRAWS }, next);
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = (values: readonly number[]): number => {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
};

describe("service times", () => {
  it("are the mean itself where they are fixed", () => {
    expect(new Set(drawn({ kind: "fixed" }))).toEqual(new Set([20]));
  });

  it("have mean and deviation as asked: lognormal 20 and 10, exponential 20 and 20", () => {
    // Five standard errors of 20,000 draws are at most 1.5% of these means and 6% of these deviations.
    for (const [kind, spread] of [
      ["lognormal", 10],
      ["exponential", 20],
    ] as const) {
      const times = drawn({ kind });
      expect(Math.min(...times)).toBeGreaterThan(0);
      expect(Math.abs(mean(times) / 20 - 1)).toBeLessThan(0.04);
      expect(Math.abs(deviation(times) / spread - 1)).toBeLessThan(0.06);
    }
  });

  it("of a lognormal have the median mean / sqrt(1 + variation^2): 17.9", () => {
    const ascending = drawn({ kind: "lognormal" }).sort((a, b) => a - b);
    expect(Math.abs((ascending[DRAWS / 2] as number) / 17.889 - 1)).toBeLessThan(0.02);
  });

  it("are a node's own, and the same again", () => {
    const first = drawn({ kind: "exponential" }).slice(0, 5);
    expect(drawn({ kind: "exponential" }).slice(0, 5)).toEqual(first);
    expect(drawn({ kind: "exponential" }, "node-1").slice(0, 5)).not.toEqual(first);
  });
});

describe("a simulated teacher", () => {
  const teacher = (ms: number) => new SimulatedTeacher({ rows: 4, classes: 3 }, () => ms);
  const ask = (of: SimulatedTeacher, rows: number) => of.predict("", "", 0, new Uint32Array(rows));

  it("gives a number for each class of each row, and the same to whoever asks", async () => {
    const all = await ask(teacher(0), 4);
    expect(all).toHaveLength(12);
    expect(await ask(teacher(1), 2)).toEqual(all.slice(0, 6));
    expect(await teacher(1).probe("", "", 0, new Uint32Array(1))).toEqual(all.slice(0, 3));
  });

  it("does one chunk after the other: it never answers sooner than the sum of what it was asked before", async () => {
    const startedAt = performance.now();
    const one = teacher(30);
    const ends = await Promise.all(
      [4, 4, 2].map(async (rows) => ask(one, rows).then(() => performance.now() - startedAt)),
    );
    // Half a chunk takes half the time; a timer may be a millisecond early.
    for (const [i, ms] of [30, 60, 75].entries()) expect(ends[i]).toBeGreaterThan(ms - 2);
  });
});

describe("a simulated run", () => {
  it("has teachers of different labellings, whose labels are of the run's encoding", () => {
    const spec = simulatedSpec({ samples: 64, classes: 10, teachers: 3, chunkSize: 32, maxInFlight: 8 });
    const ready = simulatedTeachers(spec).map((teacher) => teacher.ready);
    expect(new Set(ready.map(({ labelling }) => labelling)).size).toBe(3);
    expect(ready.map(({ encoding }) => encoding)).toEqual(["half", "half", "half"]);
  });
});

describe("what a server holds", () => {
  it("is the least of several looks, 0 where one of them does not see it", () => {
    const looks = [
      new Map([["a", 3]]),
      new Map([
        ["a", 2],
        ["b", 1],
      ]),
    ];
    expect([...leastOf(looks)]).toEqual([
      ["a", 2],
      ["b", 0],
    ]);
  });
});

describe("a line that can be cut", () => {
  it("carries both ways until it is cut, which both ends see, and then takes nobody", async () => {
    const far: Socket[] = [];
    const server = createServer((socket) => {
      far.push(socket);
      socket.on("error", () => undefined);
      socket.on("data", (data) => socket.write(`heard ${data}`));
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const line = await openCable(`nats://127.0.0.1:${port}`);
    const near = connect({ host: "127.0.0.1", port: Number(new URL(line.url).port) });
    near.on("error", () => undefined);
    near.write("hello");
    const heard = await new Promise((resolve) => near.once("data", resolve));
    expect(String(heard)).toBe("heard hello");
    const ends = [near, far[0] as Socket].map((end) => new Promise((resolve) => end.once("close", resolve)));
    line.sever();
    await Promise.all(ends);
    const refused = await new Promise((resolve) => {
      connect({ host: "127.0.0.1", port: Number(new URL(line.url).port) }).once("error", resolve);
    });
    expect(refused).toMatchObject({ code: "ECONNREFUSED" });
    await new Promise((resolve) => server.close(resolve));
  });
});
