import { describe, expect, it } from "vitest";
import type { WriteOnceLog } from "../../shared/bus/bus.ts";
import { StillhouseError } from "../../shared/errors.ts";
import type { LoggedPart } from "../../shared/labels/labelStoreWriter.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import { LabelsGone } from "../../student-node/logAgain.ts";
import { ada, bea, startedFeed } from "../helpers/startedFeed.ts";

/** Four chunks of 16 bytes were read, of which the first is kept. */
async function fed() {
  const started = await startedFeed(undefined, 16);
  for (const chunk of [0, 1]) for (const teacher of [ada, bea]) await started.label(teacher, chunk);
  await started.feed.upTo(2);
  const beyond = started.parts.filter((part): part is LoggedPart => part.offset === undefined);
  return { ...started, beyond };
}

describe("labels that a student node's disk has no room for", () => {
  it("are checked, counted and told like all others", async () => {
    const { feed, parts, beyond } = await fed();
    expect(parts.map(({ teacher, chunk, offset }) => [teacher, chunk, offset])).toEqual([
      [0, 0, 0],
      [1, 0, undefined],
      [0, 1, undefined],
      [1, 1, undefined],
    ]);
    expect(beyond).toHaveLength(3);
    expect(feed.messagesRead).toBe(4);
    expect(feed.readAgain).toEqual({ bytes: 0, messages: 0 });
  });

  it("are read again by their places, in the order asked for, and counted each time", async () => {
    const { feed, beyond } = await fed();
    const [first, , last] = beyond as [LoggedPart, LoggedPart, LoggedPart];
    const payloads = await feed.again([last, first]);
    expect(payloads.map((bytes) => bytes.byteLength)).toEqual([16, 16]);
    await feed.again([first]);
    // All four messages are of one size.
    expect(feed.readAgain).toEqual({ bytes: 3 * (feed.bytesRead / 4), messages: 3 });
  });

  it("are told to be gone, and that another try may help, where the log has lost them", async () => {
    const { feed, beyond, log } = await fed();
    await log.purge(streams.labels.filter);
    const lost = await feed.again(beyond).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(LabelsGone);
    expect((lost as StillhouseError).retry).toBe(true);
    expect((lost as StillhouseError).message).toContain(`${bea}.`);
  });

  it("let nobody wait when the reading has ended, before and after", async () => {
    const { feed, beyond, bus, log, stop } = await fed();
    // A server that is away answers nothing.
    const away: Partial<WriteOnceLog> = { get: () => new Promise(() => undefined) };
    bus.log = async () => Object.assign(Object.create(log), away);
    const waiting = feed.again(beyond);
    stop.abort(new StillhouseError("told to end"));
    await expect(waiting).rejects.toThrow("told to end");
    await expect(feed.again(beyond)).rejects.toThrow("told to end");
  });
});
