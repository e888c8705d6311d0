import { afterEach } from "vitest";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { type KnownPart, LabelStoreWriter } from "../../shared/labels/labelStoreWriter.ts";
import { chunkLayout } from "../../shared/labels/layout.ts";
import { rowsDigest } from "../../shared/labels/rowsDigest.ts";
import { encode } from "../../shared/protocol/codec.ts";
import { ChunkDecision } from "../../shared/protocol/decisions.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { buckets, decisionKeys, labelsSubject, streams } from "../../shared/protocol/subjects.ts";
import { LabelFeed } from "../../student-node/labelFeed.ts";
import { ManualClock } from "./manualClock.ts";

// Eight rows in two chunks of four; ada and bea teach.
const shard = { hash: "2".repeat(32), rows: 8, inputs: new Float32Array(8) };
export const [ada, bea] = ["a".repeat(32), "b".repeat(32)] as const;
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

/**
 * A student node's feed of labels, which the test appends to the log.
 * @param decidedFor of a run with a quorum its id
 * @param maxBytes of the node's label store; a chunk of one teacher has 16
 */
export async function startedFeed(decidedFor?: string, maxBytes?: number) {
  const bus = createMemoryBus({ clock: new ManualClock() }).connect();
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const decisions = await bus.kv(buckets.decisions);
  const store = new LabelStoreWriter(undefined, { maxBytes });
  const parts: KnownPart[] = [];
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
    onParts: (known) => void parts.push(...known),
  });
  const reading = feed.run(stop.signal);
  reading.catch(() => undefined);
  ends.push(() => {
    stop.abort();
    store.close();
  });
  return {
    feed,
    /** That were told to those that read the store. */
    parts,
    bus,
    log,
    stop,
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
