import { afterEach, describe, expect, it } from "vitest";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { WrongLabels } from "../../shared/labels/checkedLabels.ts";
import { LabelStoreWriter } from "../../shared/labels/labelStoreWriter.ts";
import { chunkLayout } from "../../shared/labels/layout.ts";
import { rowsDigest } from "../../shared/labels/rowsDigest.ts";
import { encode } from "../../shared/protocol/codec.ts";
import { ChunkDecision } from "../../shared/protocol/decisions.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { buckets, decisionKeys, labelsSubject, streams } from "../../shared/protocol/subjects.ts";
import { LabelFeed } from "../../student-node/labelFeed.ts";
import { ManualClock } from "../helpers/manualClock.ts";

// Eight rows in two chunks of four; ada and bea teach.
const shard = { hash: "2".repeat(32), rows: 8, inputs: new Float32Array(8) };
const [ada, bea] = ["a".repeat(32), "b".repeat(32)];
const dataset: Dataset = {
  name: "eight",
  hash: "eight",
  inputShape: [1],
  classes: 2,
  inputScale: 1,
  shards: [shard],
  labels: [new Int32Array(8)],
  splits: {
    train: Uint32Array.of(0, 1, 2, 3, 4, 5, 6, 7),
    validation: new Uint32Array(),
    test: new Uint32Array(),
  },
};

/** What a teacher says of a chunk; `wrong`: of other rows than the subject's. */
function labelsOf(labelling: string, chunk: number, wrong: boolean): Labels {
  const { rows } = chunkLayout({ shard, chunkSize: 4, chunk, classes: 2, encoding: "half" });
  return {
    type: "labels",
    labelling,
    shard: shard.hash,
    view: PLAIN_VIEW,
    chunk,
    part: 0,
    shape: [4, 2],
    encoding: "half",
    rowsDigest: wrong ? "0".repeat(32) : rowsDigest(rows),
    node: "t1",
    payload: new Uint8Array(16),
  };
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function started(decidedFor?: string) {
  const bus = createMemoryBus({ clock: new ManualClock() }).connect();
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const decisions = await bus.kv(buckets.decisions);
  const store = new LabelStoreWriter();
  const stop = new AbortController();
  const feed = new LabelFeed({
    bus,
    dataset,
    labellings: [ada, bea],
    features: [[], []],
    views: [PLAIN_VIEW],
    chunkSize: 4,
    encodings: ["half", "half"],
    store,
    decidedFor,
    onParts: () => undefined,
  });
  const reading = feed.run(stop.signal);
  reading.catch(() => undefined);
  ends.push(() => {
    stop.abort();
    store.close();
  });
  return {
    feed,
    async label(labelling: string, chunk: number, wrong = false): Promise<void> {
      const labels = labelsOf(labelling, chunk, wrong);
      await log.append(labelsSubject(labels, labels.part), encode(Labels, labels));
      await settled();
    },
    async decide(chunk: number, present: number[]): Promise<void> {
      const key = { shard: shard.hash, view: PLAIN_VIEW, chunk };
      const decision: ChunkDecision = {
        type: "chunk-decision",
        run: "r1",
        fence: 1,
        ...key,
        present,
        by: "deadline",
        decidedAtMs: 0,
      };
      await decisions.create(decisionKeys.of("r1", key), encode(ChunkDecision, decision));
      await settled();
    },
  };
}

/** Until everything that was written is read, as far as no clock moves. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe("labels that cannot be used, of a teacher that the decision of their chunk leaves out", () => {
  it.each(["before", "after"])("end no run when they are read %s it", async (when) => {
    const { feed, label, decide } = await started("r1");
    for (const chunk of [0, 1]) await label(ada, chunk);
    if (when === "before") await label(bea, 0, true);
    await decide(0, [0]);
    if (when === "after") await label(bea, 0, true);
    await label(bea, 1);
    await decide(1, [0, 1]);
    await feed.upTo(2);
    expect(feed.messagesRead).toBe(3);
  });
});

describe("labels that cannot be used, of a teacher that the decision of their chunk names", () => {
  it.each(["before", "after"])("end the run when they are read %s it", async (when) => {
    const { feed, label, decide } = await started("r1");
    await label(ada, 0);
    if (when === "before") await label(bea, 0, true);
    await decide(0, [0, 1]);
    if (when === "after") await label(bea, 0, true);
    await expect(feed.upTo(1)).rejects.toThrow(WrongLabels);
  });
});

it("labels that cannot be used end a run without a quorum as soon as they are read", async () => {
  const { feed, label } = await started();
  await label(bea, 1, true);
  await expect(feed.upTo(1)).rejects.toThrow(WrongLabels);
});
