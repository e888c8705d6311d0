import { describe, expect, it } from "vitest";
import type { Bus } from "../../shared/bus/bus.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { RunSpec } from "../../shared/config/spec.ts";
import { encode } from "../../shared/protocol/codec.ts";
import { JobResult } from "../../shared/protocol/jobs.ts";
import { buckets, jobKeys } from "../../shared/protocol/subjects.ts";
import { PeerExchange, PeerWeightsGone } from "../../student-node/peerExchange.ts";
import { ManualClock } from "../helpers/manualClock.ts";
import { smallSpec } from "../helpers/smallRun.ts";

const base = smallSpec();
const spec = RunSpec.parse({
  ...base,
  seeds: [1, 2],
  nodes: { ...base.nodes, studentWorkers: 2 },
  distill: { terms: [{ kind: "cross-entropy" }, { kind: "peers", exchangeSteps: 2 }] },
});
const student = (seed: number) => ({ kind: "student", seed }) as const;
const weights = Uint8Array.of(1, 2, 3);

/** Student 1 has a result; its model is in the store, or is not. */
async function withResult(model: boolean): Promise<{ bus: Bus; exchange: PeerExchange }> {
  const bus = createMemoryBus({ clock: new ManualClock() }).connect();
  const artifact = "a".repeat(64);
  const result: JobResult = {
    type: "job-result",
    job: student(1),
    artifact,
    artifactBytes: 1,
    weightsHash: artifact,
    parameters: 1,
    keptEpoch: 1,
    steps: 12,
    curve: [],
    lineage: [{ node: "s1", fromStep: 0 }],
    seconds: 0,
    waitSeconds: 0,
    backend: "cpu",
  };
  await (await bus.kv(buckets.jobs)).put(jobKeys.result("r1", "student-1"), encode(JobResult, result));
  if (model) await (await bus.objects(buckets.weights)).put(artifact, weights);
  const exchange = await PeerExchange.open(bus, { run: "r1", spec }, new AbortController().signal);
  return { bus, exchange: exchange as PeerExchange };
}

async function stepsShown(bus: Bus): Promise<number[]> {
  const keys = await (await bus.kv(buckets.jobs)).keys(jobKeys.peers("r1"));
  return keys.map((key) => Number(key.split(".").at(-1))).sort((a, b) => a - b);
}

describe("a student with a result whose model is gone, which is trained again", () => {
  it("still finds what its peers showed, though they have gone on", async () => {
    const { bus, exchange } = await withResult(false);
    for (const step of [2, 4, 6]) await exchange.publish(student(2), step, weights);
    await exchange.goesOnFrom(student(2), 8);
    expect(await stepsShown(bus)).toEqual([2, 4, 6]);
    await exchange.goesOnFrom(student(1), 8);
    // What was shown after step 4 was used up to step 7.
    expect(await stepsShown(bus)).toEqual([6]);
  });

  it("is waited for", async () => {
    const { exchange } = await withResult(false);
    const taken = exchange.take(student(1), 2);
    await exchange.publish(student(1), 2, weights);
    expect(await taken).toEqual(weights);
  });
});

describe("a student that is finished", () => {
  it("needs no weights of its peers any more", async () => {
    const { bus, exchange } = await withResult(true);
    for (const step of [2, 4, 6]) await exchange.publish(student(2), step, weights);
    await exchange.goesOnFrom(student(2), 8);
    expect(await stepsShown(bus)).toEqual([6]);
  });

  it("shows no more weights, which whoever needs them is told", async () => {
    const { exchange } = await withResult(true);
    await expect(exchange.take(student(1), 2)).rejects.toThrow(PeerWeightsGone);
  });
});
