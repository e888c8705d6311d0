import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Bus } from "../../shared/bus/bus.ts";
import { CorruptObject } from "../../shared/bus/errors.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import { type NatsServer, startNatsServer } from "../helpers/natsServer.ts";
import { busContract, bytes } from "./contract.ts";

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

busContract("a real NATS server", async () => {
  const server = await startNatsServer();
  return {
    connect: () => connectNats({ url: server.url, name: "contract", onError: () => {} }),
    advance: pass,
    close: () => server.dispose(),
  };
});

describe("the bus over NATS", () => {
  let server: NatsServer;
  let bus: Bus;
  beforeAll(async () => {
    server = await startNatsServer();
    bus = await connectNats({ url: server.url, name: "test" });
  });
  afterAll(async () => {
    await bus.close();
    await server.dispose();
  });

  it("finds an object that has a chunk too many, one that lost its chunks, and one with another digest", async () => {
    const objects = await bus.objects("models");
    const chunks: string[] = [];
    const notes: { subject: string; text: string }[] = [];
    bus.subscribe("$O.models.C.*", ({ subject }) => chunks.push(subject));
    bus.subscribe("$O.models.M.*", ({ subject, data }) => {
      notes.push({ subject, text: Buffer.from(data).toString() });
    });
    for (const name of ["more", "less", "other"]) await objects.put(name, bytes(1, 2, 3));
    await expect.poll(() => [chunks.length, notes.length]).toEqual([3, 3]);

    bus.publish(chunks[0] as string, bytes(4));
    await expect(objects.get("more")).rejects.toThrow(CorruptObject);
    await expect(objects.get("more")).rejects.toThrow(
      /its 4 bytes have the SHA-256 SHA-256=\S+, expected 3 bytes/,
    );

    const less = notes[1] as { subject: string; text: string };
    bus.publish(less.subject, Buffer.from(less.text.replace(/"nuid":"[^"]*"/, '"nuid":"lost"')));
    await expect(objects.get("less")).rejects.toThrow(/its 0 bytes/);

    const other = notes[2] as { subject: string; text: string };
    bus.publish(other.subject, Buffer.from(other.text.replace(/SHA-256=.{6}/, "SHA-256=AAAAAA")));
    await expect(objects.get("other")).rejects.toThrow(CorruptObject);
  });
});
