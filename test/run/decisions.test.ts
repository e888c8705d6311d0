import { describe, expect, it } from "vitest";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { encode } from "../../shared/protocol/codec.ts";
import { ChunkDecision } from "../../shared/protocol/decisions.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { buckets, decisionKeys } from "../../shared/protocol/subjects.ts";
import { ChunkProgress } from "../../student-node/chunkProgress.ts";
import { followDecisions, WrongDecision } from "../../student-node/followDecisions.ts";
import { ManualClock } from "../helpers/manualClock.ts";

const shard = "2".repeat(32);
const decision = (chunk: number, present: number[]): ChunkDecision => ({
  type: "chunk-decision",
  run: "r1",
  fence: 1,
  shard,
  view: PLAIN_VIEW,
  chunk,
  present,
  by: "all",
  decidedAtMs: 0,
});

/** What a student with two teachers reads of what stands at these chunks. */
async function read(...written: [chunk: number, value: ChunkDecision][]): Promise<ChunkDecision[]> {
  const bus = createMemoryBus({ clock: new ManualClock() }).connect();
  const kv = await bus.kv(buckets.decisions);
  for (const [chunk, value] of written) {
    await kv.create(decisionKeys.of("r1", { shard, view: PLAIN_VIEW, chunk }), encode(ChunkDecision, value));
  }
  const found: ChunkDecision[] = [];
  const stop = new AbortController();
  for await (const one of followDecisions(bus, "r1", 2, stop.signal)) {
    found.push(one);
    if (found.length === written.length) stop.abort();
  }
  return found;
}

describe("a student reads a run's decisions", () => {
  it("as they were written", async () => {
    expect(await read([0, decision(0, [0, 1])], [3, decision(3, [])])).toEqual([
      decision(0, [0, 1]),
      decision(3, []),
    ]);
  });

  it("and refuses one of another chunk, or of a teacher that there is not", async () => {
    await expect(read([1, decision(2, [0])])).rejects.toThrow(WrongDecision);
    await expect(read([1, decision(1, [0, 2])])).rejects.toThrow(/names teachers \[0, 2\] of 2/);
  });
});

describe("a chunk is complete", () => {
  it("without a quorum when all parts of all teachers are read", () => {
    const progress = new ChunkProgress([[1, 2]], false);
    progress.took(0, 0);
    progress.took(0, 1);
    expect(progress.complete(0)).toBe(false);
    progress.took(0, 1);
    expect(progress.complete(0)).toBe(true);
    expect(progress.complete(1)).toBe(false);
  });

  it("with one when it is decided, and all parts of the teachers that are named are read, whichever came first", () => {
    const progress = new ChunkProgress(
      [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
      true,
    );
    progress.took(0, 0);
    progress.took(0, 1);
    expect(progress.complete(0)).toBe(false);
    progress.decided(0, [0, 1]);
    expect(progress.complete(0)).toBe(true);
    progress.decided(1, [1]);
    expect(progress.complete(1)).toBe(false);
    progress.took(1, 1);
    expect(progress.complete(1)).toBe(true);
    progress.decided(2, []);
    expect(progress.complete(2)).toBe(true);
  });
});
