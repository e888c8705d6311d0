import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Bus } from "../../shared/bus/bus.ts";
import { BusFull, BusUnreachable, BusUnsuitable } from "../../shared/bus/errors.ts";
import { connectNats, type NatsOptions } from "../../shared/bus/nats.ts";
import { withNatsManager } from "../helpers/natsManager.ts";
import { freePort, type NatsServer, withNatsServer } from "../helpers/natsServer.ts";
import { subjectsOf } from "../helpers/subjectsOf.ts";
import { bytes, collect } from "./contract.ts";

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a call throws, which it must. */
async function refusal(work: Promise<unknown>): Promise<Error> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Error);
  return outcome as Error;
}

async function withBus(
  server: NatsServer,
  use: (bus: Bus) => Promise<void>,
  options: Partial<NatsOptions> = {},
): Promise<void> {
  const bus = await connectNats({ url: server.url, name: "door", ...options });
  try {
    await use(bus);
  } finally {
    await bus.close();
  }
}

describe("connecting to NATS", () => {
  it("says where nothing listens and what to start, without the password of the url", async () => {
    const port = await freePort();
    const error = await refusal(connectNats({ url: `nats://ada:s3cret@127.0.0.1:${port}`, name: "student" }));
    expect(error).toBeInstanceOf(BusUnreachable);
    expect(error.message).toBe(
      `Cannot connect student to a NATS server at nats://127.0.0.1:${port}: nothing listens there. Start one there with "nats-server -js", or give the url of one that runs`,
    );
    expect(JSON.stringify(error)).not.toContain("s3cret");
  });

  it("gives up on a server that accepts and says nothing, after the time it was given or at the signal", async () => {
    const mute = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => mute.once("listening", resolve));
    const { port } = mute.address() as { port: number };
    const url = `nats://127.0.0.1:${port}`;
    const late = await refusal(connectNats({ url, name: "student", connectTimeoutMs: 200 }));
    expect(late).toBeInstanceOf(BusUnreachable);
    expect(late.message).toContain("no greeting came within 200 ms");
    const reason = new Error("the user pressed Ctrl-C");
    const stopped = connectNats({
      url,
      name: "student",
      connectTimeoutMs: 500,
      signal: AbortSignal.abort(reason),
    });
    expect(await refusal(stopped)).toBe(reason);
    const stop = new AbortController();
    const stopping = connectNats({ url, name: "student", connectTimeoutMs: 500, signal: stop.signal });
    stop.abort(reason);
    expect(await refusal(stopping)).toBe(reason);
    await new Promise((resolve) => mute.close(resolve));
  });

  it("refuses a server without JetStream, and says how to start it", async () => {
    await withNatsServer(
      async (server) => {
        const error = await refusal(connectNats({ url: server.url, name: "student" }));
        expect(error).toBeInstanceOf(BusUnsuitable);
        expect(error.message).toBe(
          `Cannot use the NATS server at ${server.url} as it has no JetStream: start it with -js`,
        );
      },
      { jetStream: false },
    );
  });

  it("refuses a server that is too old, with the version seen and the one expected", async () => {
    const old = createServer((socket) => {
      socket.write(
        'INFO {"server_id":"x","version":"2.8.4","proto":1,"max_payload":1048576,"headers":true}\r\n',
      );
      socket.on("data", (data) => {
        if (data.includes("PING")) socket.write("PONG\r\n");
      });
      socket.on("error", () => {});
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => old.once("listening", resolve));
    const { port } = old.address() as { port: number };
    const error = await refusal(connectNats({ url: `127.0.0.1:${port}`, name: "student" }));
    expect(error).toBeInstanceOf(BusUnsuitable);
    expect(error.message).toBe(
      `Cannot use the NATS server at nats://127.0.0.1:${port} as its version is 2.8.4: expected 2.9.10 or newer`,
    );
    await new Promise((resolve) => old.close(resolve));
  });

  it("takes user and password from the url, and says what to do when they are wrong", async () => {
    await withNatsServer(
      async (server) => {
        const at = (login: string) => ({ url: `nats://${login}@127.0.0.1:${server.port}`, name: "student" });
        const bus = await connectNats(at("ada:s3cret%2F1"));
        expect(bus.address).toBe(server.url);
        await bus.close();
        const error = await refusal(connectNats(at("ada:wr0ng")));
        expect(error).toBeInstanceOf(BusUnreachable);
        expect(error.message).toMatch(/Authorization Violation.*Give the user and password in the url/);
        expect(error.message).not.toContain("wr0ng");
      },
      { args: ["--user", "ada", "--pass", "s3cret/1"] },
    );
  });

  it.each(["http://host:4222", "nats://", "nats://ada:s3cret@:4222"])(
    "refuses the address %s",
    async (url) => {
      const error = await refusal(connectNats({ url, name: "student" }));
      expect(error.message).toMatch(
        /Cannot read the address of the NATS server ".*": expected nats:\/\/host:port/,
      );
      expect(error.message).not.toContain("s3cret");
    },
  );

  it("says which credentials file it cannot read", async () => {
    const error = await refusal(
      connectNats({ url: "nats://127.0.0.1:4222", name: "student", credentialsPath: "no/such.creds" }),
    );
    expect(error.message).toMatch(/^Cannot read the NATS credentials at no\/such.creds: ENOENT/);
  });

  it("keeps no process alive after close", async () => {
    await withNatsServer(async (server) => {
      const script = `
        import { connectNats } from ${JSON.stringify(new URL("../../shared/bus/nats.ts", import.meta.url).href)};
        const bus = await connectNats({ url: ${JSON.stringify(server.url)}, name: "child" });
        const log = await bus.log("log", "log.>");
        await log.append("log.a", new Uint8Array(1));
        for await (const entry of log.read("log.>", new AbortController().signal)) break;
        const queue = await bus.workQueue("work", "work.>");
        const consumer = await queue.consumer({ name: "c", filter: "work.>", ackWaitMs: 1000, maxDeliver: 2 });
        void consumer.pull(1, 60_000);
        await bus.close();
        console.log("closed");
      `;
      const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let said = "";
      child.stdout.on("data", (text) => {
        said += text;
      });
      const code = await Promise.race([new Promise((resolve) => child.once("exit", resolve)), pass(20_000)]);
      child.kill("SIGKILL");
      expect([said.trim(), code]).toEqual(["closed", 0]);
    });
  });
});

describe("a NATS server that dies and comes back", () => {
  it("interrupts nothing but time: appends, readings, watches, pulls and acknowledgements go on", async () => {
    await withNatsServer((server) =>
      withBus(server, async (bus) => {
        const statuses: string[] = [];
        bus.onStatus(({ kind }) => statuses.push(kind));
        const log = await bus.log("labels", "labels.>");
        const kv = await bus.kv("runs");
        const queue = await bus.workQueue("work", "work.>");
        const consumer = await queue.consumer({
          name: "c",
          filter: "work.>",
          ackWaitMs: 20_000,
          maxDeliver: 9,
        });
        const objects = await bus.objects("models");
        const stop = new AbortController();
        const reading = collect(log.read("labels.>", stop.signal));
        const watching = collect(kv.watch(">", stop.signal));
        for (let i = 0; i < 10; i++) await log.append(`labels.${i}`, bytes(i));
        const revision = await kv.create("lease", bytes(1));
        await queue.publish("work.a", bytes(1));
        await queue.publish("work.b", bytes(2));
        const [held] = await consumer.pull(1, 1000);
        await expect.poll(() => [reading.got.length, watching.got.length]).toEqual([10, 1]);

        await server.kill();
        await expect.poll(() => statuses).toEqual(["disconnected"]);
        // All of these start while nothing listens.
        const during = [
          ...Array.from({ length: 10 }, (_, i) => log.append(`labels.${10 + i}`, bytes(10 + i))),
          log.append("labels.3", bytes(99)),
          kv.update("lease", bytes(2), revision),
          queue.publish("work.c", bytes(3)),
          held?.ack(),
          objects.put("weights", bytes(1, 2, 3)),
          subjectsOf(log, "labels.>"),
        ];
        expect(await consumer.pull(1, 300)).toEqual([]);
        await server.restart();
        const outcomes = await Promise.all(during);
        expect(outcomes.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => "appended"));
        expect(outcomes[10]).toBe("exists");
        expect(outcomes[12]).toBe("queued");
        expect(statuses).toEqual(["disconnected", "connected"]);

        await log.append("labels.20", bytes(20));
        await kv.put("other", bytes(3));
        await expect.poll(() => reading.got.length, { timeout: 10_000 }).toBe(21);
        await expect.poll(() => watching.got.length, { timeout: 10_000 }).toBe(3);
        expect(reading.got.map(({ sequence }) => sequence)).toEqual(
          Array.from({ length: 21 }, (_, i) => i + 1),
        );
        expect(new Set(reading.got.map(({ subject }) => subject)).size).toBe(21);
        expect(watching.got.map(({ key, value }) => [key, value?.[0]])).toEqual([
          ["lease", 1],
          ["lease", 2],
          ["other", 3],
        ]);
        expect(await objects.get("weights")).toEqual(bytes(1, 2, 3));
        expect((await queue.pending("work.>")).sort()).toEqual(["work.b", "work.c"]);
        const rest = await consumer.pull(2, 2000);
        expect(rest.map(({ subject }) => subject)).toEqual(["work.b", "work.c"]);
        stop.abort();
        await Promise.all([reading.ended, watching.ended]);
      }),
    );
  });

  it("is answered while it dies again and again: every append once, every reading complete", async () => {
    await withNatsServer((server) =>
      withBus(server, async (bus) => {
        const log = await bus.log("labels", "labels.>");
        const stop = new AbortController();
        const reading = collect(log.read("labels.>", stop.signal));
        const total = 600;
        let next = 0;
        const writer = async (): Promise<void> => {
          while (next < total) {
            const i = next++;
            await log.append(`labels.${i}`, new Uint8Array(1000).fill(i % 256));
            await pass(5);
          }
        };
        const writing = Promise.all(Array.from({ length: 4 }, writer));
        for (let round = 0; round < 3; round++) {
          await pass(150);
          await server.kill();
          await server.restart();
        }
        await writing;
        await expect.poll(() => reading.got.length, { timeout: 15_000 }).toBe(total);
        expect(reading.got.map(({ sequence }) => sequence)).toEqual(
          Array.from({ length: total }, (_, i) => i + 1),
        );
        expect(new Set(reading.got.map(({ subject }) => subject)).size).toBe(total);
        stop.abort();
        await reading.ended;
      }),
    );
  });

  it("or stands still for seconds: a reading of what exists goes on where it was, over the same consumer", async () => {
    await withNatsServer((server) =>
      withBus(server, async (bus) => {
        const log = await bus.log("labels", "labels.>");
        const total = 2000;
        for (let i = 0; i < total; i += 100) {
          await Promise.all(Array.from({ length: 100 }, (_, k) => log.append(`labels.${i + k}`, bytes(1))));
        }
        const got: number[] = [];
        const consumers = new Set<string>();
        await withNatsManager(server.url, async (manager) => {
          for await (const { sequence } of log.read("labels.>", new AbortController().signal, {
            until: "now",
          })) {
            got.push(sequence);
            if (got.length % 800 !== 1) continue;
            for await (const { name } of manager.consumers.list("labels")) consumers.add(name);
            process.kill(server.pid, "SIGSTOP");
            setTimeout(() => process.kill(server.pid, "SIGCONT"), 2500);
          }
        });
        expect(consumers.size).toBe(1);
        expect(got).toEqual(Array.from({ length: total }, (_, i) => i + 1));
      }),
    );
  });

  it("that lost its store gets its streams again, and readings start again with what is stored anew", async () => {
    await withNatsServer((server) =>
      withBus(server, async (bus) => {
        const log = await bus.log("labels", "labels.>");
        const queue = await bus.workQueue("work", "work.>");
        const consumer = await queue.consumer({
          name: "c",
          filter: "work.>",
          ackWaitMs: 20_000,
          maxDeliver: 9,
        });
        const stop = new AbortController();
        const reading = collect(log.read("labels.>", stop.signal));
        for (let i = 0; i < 5; i++) await log.append(`labels.${i}`, bytes(i));
        await expect.poll(() => reading.got.length).toBe(5);
        await server.loseStore();
        await log.append("labels.3", bytes(33));
        await queue.publish("work.a", bytes(1));
        await expect.poll(() => reading.got.length, { timeout: 10_000 }).toBe(6);
        expect(reading.got[5]).toMatchObject({ subject: "labels.3", sequence: 1 });
        expect(await consumer.pull(1, 3000)).toHaveLength(1);
        stop.abort();
        await reading.ended;
      }),
    );
  });

  it("that does not come back is given up after the patience, and at once on close", async () => {
    await withNatsServer((server) =>
      withBus(
        server,
        async (bus) => {
          const log = await bus.log("labels", "labels.>");
          await server.kill();
          const error = await refusal(log.append("labels.a", bytes(1)));
          expect(error).toBeInstanceOf(BusUnreachable);
          expect(error.message).toMatch(
            /^Cannot append to "labels.a" at nats:\/\/127.0.0.1:\d+: no success within 400 ms.*Start nats-server again/,
          );
          const waiting = refusal(log.append("labels.b", bytes(1)));
          await bus.close();
          expect((await waiting).message).toContain("was closed");
        },
        { patienceMs: 400 },
      ),
    );
  });
});

describe("a NATS server without room", () => {
  it("refuses appends with an error that a retry can mend, and keeps telling taken subjects from a full store", async () => {
    await withNatsServer(async (server) => {
      await writeFile(join(server.storeDir, "small.conf"), "jetstream { max_file_store: 300000 }");
      await withNatsServer(
        (small) =>
          withBus(small, async (bus) => {
            const log = await bus.log("labels", "labels.>");
            await log.requireRoom(250_000);
            await expect(log.requireRoom(310_000)).rejects.toThrow(
              /Cannot take 310000 bytes of labels as the server at \S+ refuses to hold 310000: prune labels/,
            );
            const fill = async (): Promise<void> => {
              for (let i = 0; i < 40; i++) await log.append(`labels.${i}`, new Uint8Array(20_000));
            };
            const error = await refusal(fill());
            expect(error).toBeInstanceOf(BusFull);
            expect((error as BusFull).retry).toBe(true);
            expect(error.message).toMatch(
              /Cannot append to "labels.\d+" as the server at \S+ has no room: .*\(\d+\)/,
            );
            // A purge of a part gives its room back, as does one of all.
            expect(await log.purge("labels.1")).toBe(1);
            expect(await log.append("labels.1", new Uint8Array(10_000))).toBe("appended");
            await log.purge("labels.>");
            await refusal(fill());
            expect(await log.append("labels.0", bytes(1))).toBe("exists");
          }),
        { args: ["-c", join(server.storeDir, "small.conf")] },
      );
    });
  });
});
