import { beforeAll, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { openDataset } from "../../shared/data/open.ts";
import { planFeatures } from "../../shared/distill/features/planFeatures.ts";
import type { LabelStoreReader } from "../../shared/labels/labelStoreReader.ts";
import type { ViewLabels } from "../../shared/labels/viewLabels.ts";
import { buildModel } from "../../shared/model/build.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { packWeights } from "../../student-node/self/packedWeights.ts";
import { trainStudent } from "../../student-node/training.ts";
import { Waits } from "../../student-node/waits.ts";
import { allAtOnce } from "../helpers/allAtOnce.ts";
import { smallSpec } from "../helpers/smallRun.ts";
import { settings } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

/**
 * Seconds that a student of the spec waits, and how often it asked, where nothing but its answers takes time.
 * @param answerMs where `again` is given, labels lie in the log alone
 */
async function waitOf(spec: RunSpec, answerMs: { labels: number; peers: number; again?: number }) {
  const dataset = await openDataset(spec.data, "");
  let nowMs = 0;
  const asked = { labels: 0, peers: 0, again: 0 };
  const model = buildModel(spec.student.model, dataset.inputShape, dataset.classes, ["peer"]);
  const peer = packWeights(readWeights(model));
  model.dispose();
  const ofView = {
    has: () => true,
    read: (_: number, __: number, place: number, out: Float32Array, row: number) => {
      out[row * dataset.classes] = place % 2;
    },
  } as Partial<ViewLabels> as ViewLabels;
  // Of its class no more than this is asked for.
  const labels = {
    ...ofView,
    at: () => ofView,
    inBlocks: allAtOnce,
    anyInLogAlone: answerMs.again !== undefined,
    hasArrived: () => true,
    async hold() {
      asked.again++;
      await Promise.resolve();
      nowMs += answerMs.again ?? 0;
    },
    letGo: () => undefined,
    letGoAll: () => undefined,
  } as Partial<LabelStoreReader> as LabelStoreReader;
  const { waitSeconds } = await trainStudent(
    {
      job: { kind: "student", seed: 1 },
      runSeed: spec.seed,
      dataHash: dataset.hash,
      student: spec.student,
      seeds: spec.seeds,
      ensemble: spec.ensemble,
      distill: spec.distill,
      teachers: spec.teachers.map(({ name }) => name),
      chunkSize: spec.labels.chunkSize,
      features: planFeatures(spec, dataset),
      compute: spec.compute,
      checkpoint: null,
    },
    dataset,
    labels,
    settings("cpu"),
    {
      onProgress: () => undefined,
      onCheckpoint: async () => undefined,
      async labelsUpTo() {
        asked.labels++;
        nowMs += answerMs.labels;
      },
      publishWeights: async () => undefined,
      async peerWeights() {
        asked.peers++;
        nowMs += answerMs.peers;
        return peer;
      },
    },
    { now: () => nowMs, isInterrupted: () => false },
  );
  return { waitSeconds, asked };
}

it("a student's wait for labels counts from the first, with which teachers are calibrated", async () => {
  const spec = smallSpec({ ensemble: { calibrate: true } });
  const { waitSeconds, asked } = await waitOf(spec, { labels: 500, peers: 0 });
  // Once for all, and then for batches as they come.
  expect(asked.labels).toBeGreaterThan(1);
  expect(waitSeconds).toBe(asked.labels * 0.5);
});

it("a student's wait for labels that are read again counts", async () => {
  const { waitSeconds, asked } = await waitOf(smallSpec(), { labels: 0, peers: 0, again: 200 });
  // Two epochs of 180 samples are fewer than two windows of 8 chunks: the chunks of both are asked for before the first step.
  expect(asked.again).toBe(2 * 7);
  expect(waitSeconds).toBeCloseTo(asked.again * 0.2, 9);
});

it("a student's wait for its peers' weights counts", async () => {
  const spec = smallSpec({
    seeds: [1, 2],
    nodes: { teachers: 1, studentWorkers: 2 },
    teachers: [],
    distill: { terms: [{ kind: "cross-entropy" }, { kind: "peers", exchangeSteps: 2 }] },
  });
  const { waitSeconds, asked } = await waitOf(spec, { labels: 0, peers: 250 });
  // 12 steps: weights of steps 2, 4, 6 and 8 are used from steps 4, 6, 8 and 10 on.
  expect(asked.peers).toBe(4);
  expect(waitSeconds).toBe(1);
});

it("waits that overlap count once", async () => {
  let nowMs = 100;
  const waits = new Waits(() => nowMs);
  let [first, second] = [(): void => undefined, (): void => undefined];
  const both = [
    waits.during(() => new Promise<void>((resolve) => (first = resolve))),
    waits.during(() => new Promise<void>((resolve) => (second = resolve))),
  ];
  nowMs = 1100;
  first();
  await both[0];
  nowMs = 1600;
  second();
  await both[1];
  nowMs = 5000;
  await expect(waits.during(() => Promise.reject(new Error("gone")))).rejects.toThrow("gone");
  expect(waits.seconds).toBe(1.5);
});
