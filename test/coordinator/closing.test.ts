import { describe, expect, it } from "vitest";
import { Closing } from "../../coordinator/closing.ts";
import type { MissingChunk } from "../../coordinator/missingLabels.ts";
import type { ChunkKey } from "../../shared/protocol/subjects.ts";

const [ada, bea, cleo] = ["ada", "bea", "cleo"];
const teachers = [ada, bea, cleo];
const shard = "s";
const view = "v";
const keyOf = (labelling: string, chunk: number): ChunkKey => ({ labelling, shard, view, chunk });
const lacks = (labelling: string, chunk: number): MissingChunk => ({
  key: keyOf(labelling, chunk),
  parts: new Map([["subject", 1]]),
  bytes: 10,
});
const places = (count: number) => Array.from({ length: count }, (_, chunk) => ({ shard, view, chunk }));
const quorum = { teachers: 2, deadlineS: 10 };

function closingOf(
  count: number,
  missing: readonly MissingChunk[],
  labellings: readonly string[] = teachers,
) {
  const givenUp = new Set<string>();
  const closing = new Closing({
    chunks: places(count),
    labellings,
    missing,
    quorum,
    isGivenUp: ({ labelling }) => givenUp.has(labelling),
  });
  const chunksDue = (nowMs: number) => closing.due(nowMs).map(({ chunk }) => chunk);
  return { closing, givenUp, chunksDue };
}

/** Chunks that nobody has labelled, all queued at 1000, when all teachers are served. */
function allQueued(count = 2) {
  const missing = places(count).flatMap(({ chunk }) => teachers.map((name) => lacks(name, chunk)));
  const opened = closingOf(count, missing);
  opened.closing.served(new Set(teachers), 1000);
  for (const one of missing) opened.closing.queued(one, 1000);
  return opened;
}

describe("a chunk of a run with a quorum", () => {
  it("is closed with all teachers as soon as all have labelled it", () => {
    const { closing } = allQueued();
    for (const name of [bea, ada]) closing.answered(lacks(name, 1), 2000);
    expect(closing.due(2000)).toEqual([]);
    closing.answered(lacks(cleo, 1), 3000);
    expect(closing.due(3000)).toEqual([{ shard, view, chunk: 1, present: [0, 1, 2], by: "all", late: [] }]);
  });

  it("is closed with those that have answered, once the others have answered nothing for the deadline", () => {
    const { closing, chunksDue } = allQueued();
    closing.answered(lacks(cleo, 0), 2000);
    closing.answered(lacks(ada, 0), 5000);
    expect(chunksDue(10_999)).toEqual([]);
    const late = lacks(bea, 0);
    expect(closing.due(11_000)[0]).toEqual({
      shard,
      view,
      chunk: 0,
      present: [0, 2],
      by: "deadline",
      late: [late],
    });
  });

  it("is closed below the quorum too: students then have no target of it", () => {
    const { closing } = allQueued();
    closing.answered(lacks(bea, 0), 2000);
    expect(closing.due(11_000)[0]).toMatchObject({ chunk: 0, present: [1], by: "deadline" });
  });

  it("waits for a slow teacher that goes on answering, though the log held all labels of the others", () => {
    const chunks = places(100);
    const { closing, chunksDue } = closingOf(
      100,
      chunks.map(({ chunk }) => lacks(bea, chunk)),
      [ada, bea],
    );
    closing.served(new Set([bea]), 0);
    for (const { chunk } of chunks) closing.queued(lacks(bea, chunk), 0);
    for (const { chunk } of chunks) {
      const nowMs = (chunk + 1) * 9_000;
      expect(chunksDue(nowMs)).toEqual([]);
      closing.answered(lacks(bea, chunk), nowMs);
      expect(chunksDue(nowMs)).toEqual([chunk]);
      closing.close({ shard, view, chunk, present: [0, 1] });
    }
    expect(closing.settled).toBe(true);
  });

  it("waits for a silent teacher that is served until it has been queued for the deadline", () => {
    const { closing, chunksDue } = closingOf(2, [lacks(bea, 0), lacks(bea, 1)]);
    closing.served(new Set([bea]), 0);
    closing.queued(lacks(bea, 0), 0);
    closing.queued(lacks(bea, 1), 9_000);
    expect(chunksDue(10_000)).toEqual([0]);
    expect(chunksDue(19_000)).toEqual([0, 1]);
  });

  it("is closed at once without a teacher that has long been silent and that nobody serves, if it has its quorum", () => {
    const missing = [lacks(cleo, 0), lacks(cleo, 1), lacks(bea, 1)];
    const { closing, chunksDue } = closingOf(2, missing);
    closing.served(new Set([cleo]), 0);
    closing.served(new Set(), 5_000);
    expect(chunksDue(9_999)).toEqual([]);
    expect(chunksDue(10_000)).toEqual([0]);
    // Of chunk 1 only ada's labels are there: it has no quorum, and gets the time that a queued chunk has.
    closing.queued(lacks(cleo, 1), 20_000);
    closing.queued(lacks(bea, 1), 20_000);
    expect(chunksDue(29_999)).toEqual([0]);
    expect(chunksDue(30_000)).toEqual([0, 1]);
  });

  it("is not late before anybody serves a teacher of the run, however long that takes", () => {
    const { closing, chunksDue } = closingOf(1, [lacks(bea, 0), lacks(cleo, 0)]);
    expect(chunksDue(1_000_000)).toEqual([]);
    closing.served(new Set(["another run's"]), 1_000_000);
    expect(chunksDue(2_000_000)).toEqual([]);
    closing.served(new Set([cleo]), 2_000_000);
    closing.answered(lacks(cleo, 0), 2_001_000);
    expect(chunksDue(2_009_999)).toEqual([]);
    expect(chunksDue(2_010_000)).toEqual([0]);
  });

  it("waits anew for a teacher that is served for the first time, as it has only begun", () => {
    const { closing, chunksDue } = closingOf(1, [lacks(bea, 0)]);
    closing.served(new Set([ada]), 0);
    closing.queued(lacks(bea, 0), 0);
    closing.served(new Set([ada, bea]), 9_000);
    expect(chunksDue(18_999)).toEqual([]);
    expect(chunksDue(19_000)).toEqual([0]);
  });

  it("is closed at once without labels that are given up", () => {
    const { closing, givenUp, chunksDue } = allQueued();
    closing.answered(lacks(ada, 0), 2000);
    closing.answered(lacks(cleo, 0), 2000);
    givenUp.add(bea);
    expect(chunksDue(2000)).toEqual([0]);
  });

  it("has all its time again after the coordinator could hear nobody", () => {
    const { closing, chunksDue } = allQueued(1);
    closing.restart(100_000);
    expect(chunksDue(109_999)).toEqual([]);
    expect(chunksDue(110_000)).toEqual([0]);
  });

  it("is decided once: what comes later changes nothing, and nobody waits for it", () => {
    const { closing, chunksDue } = allQueued();
    closing.answered(lacks(ada, 0), 2000);
    closing.close({ shard, view, chunk: 0, present: [0] });
    closing.answered(lacks(bea, 0), 3000);
    expect(closing.wants(keyOf(cleo, 0))).toBe(false);
    expect(closing.wants(keyOf(cleo, 1))).toBe(true);
    expect(closing.settled).toBe(false);
    expect(chunksDue(13_000)).toEqual([1]);
  });

  it("has labels again that its decision names and the log has lost", () => {
    const { closing } = closingOf(1, [lacks(bea, 0), lacks(cleo, 0)]);
    closing.close({ shard, view, chunk: 0, present: [0, 1] });
    expect(closing.closed).toBe(true);
    expect(closing.settled).toBe(false);
    expect([bea, cleo].map((name) => closing.wants(keyOf(name, 0)))).toEqual([true, false]);
    closing.answered(lacks(bea, 0), 1000);
    expect(closing.settled).toBe(true);
  });

  it("counts two teachers that share a labelling as two", () => {
    const { closing } = closingOf(2, [lacks(ada, 0)], [ada, ada]);
    closing.answered(lacks(ada, 0), 1500);
    expect(closing.due(1500)).toHaveLength(2);
    for (const { present } of closing.due(1500)) expect(present).toEqual([0, 1]);
  });
});
