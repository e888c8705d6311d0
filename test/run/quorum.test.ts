import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { decode, encode } from "../../shared/protocol/codec.ts";
import { ChunkDecision } from "../../shared/protocol/decisions.ts";
import {
  buckets,
  decisionKeys,
  labelWorkFilter,
  labelWorkSubject,
  streams,
} from "../../shared/protocol/subjects.ts";
import { LabelChunks } from "../../shared/protocol/work.ts";
import type { AroundPrediction } from "../helpers/computes.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { fileTeacher, SMALL_CHUNKS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada", "bea");
});
afterAll(() => files.remove());

/** Chunks that bea labels before her nodes die: two pairs, as a node takes two at once. */
const BEFORE_DEATH = 4;
const quorumOf = (teachers: number) => ({ teachers, deadlineS: 30 });

function specWith(quorum: RunSpec["ensemble"]["quorum"], labelled?: number): RunSpec {
  const plain = smallSpec();
  return smallSpec(
    {
      seeds: [1, 2],
      teachers: [fileTeacher("ada"), fileTeacher("bea")],
      ensemble: { quorum },
      student: { ...plain.student, checkpointSteps: 4 },
    },
    labelled === undefined ? {} : { labelled },
  );
}

/** Starts the run's coordinator, a node that serves ada alone, and one that serves both and dies at bea's fifth chunk. */
async function withoutBea(cluster: Cluster, spec: RunSpec): Promise<{ ended: Promise<Report | undefined> }> {
  const { ended } = cluster.coordinator(spec);
  await cluster.until(async () => (await cluster.runState()) === "distilling");
  const bea = (await cluster.record()).teachers[1]?.ready?.labelling;
  let labelled = 0;
  let death = (): void => undefined;
  const around: AroundPrediction = async ({ labelling }, predict) => {
    // Ada is the other node's.
    if (labelling !== bea) return new Promise(() => undefined);
    if (labelled++ === BEFORE_DEATH) death();
    return predict();
  };
  const both = cluster.teacher("both", { around });
  death = () => both.kill();
  await cluster.until(() => labelled > 0);
  // To another teacher than it says it would be: strict admission refuses it for bea.
  cluster.teacher("one", {
    rounding: (logit, _, labelling) => (labelling === bea ? logit + 1 : logit),
  });
  return { ended };
}

async function decisionsOf(cluster: Cluster, run = "r1"): Promise<ChunkDecision[]> {
  const kv = await cluster.bus.kv(buckets.decisions);
  const keys = (await kv.keys(decisionKeys.all(run))).sort();
  const found = await Promise.all(keys.map((key) => kv.get(key)));
  return found.map((entry) => decode(ChunkDecision, entry?.value as Uint8Array, "decision"));
}

const hashesOf = (report: Report | undefined) => report?.seeds.map(({ student }) => student.weightsHash);

describe("a run whose second teacher's nodes die for good", () => {
  const spec = specWith(quorumOf(1));
  let undisturbed: string[] | undefined;
  let decided: ChunkDecision["present"][] = [];

  it("goes on after the deadline with the other teacher, and says what was missing", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { ended } = await withoutBea(cluster, spec);
      cluster.student("s1");
      const report = (await cluster.drive(ended)) as Report;
      undisturbed = hashesOf(report);
      const decisions = await decisionsOf(cluster);
      decided = decisions.map(({ present }) => present);
      expect(decided.filter((present) => present.length === 2)).toHaveLength(BEFORE_DEATH);
      expect(decided.filter((present) => present.join() === "0")).toHaveLength(SMALL_CHUNKS - BEFORE_DEATH);
      expect(new Set(decisions.map(({ by }) => by))).toEqual(new Set(["all", "deadline"]));
      const quorum = report.ensemble?.quorum;
      expect(quorum).toMatchObject({
        chunks: SMALL_CHUNKS,
        belowAll: SMALL_CHUNKS - BEFORE_DEATH,
        belowQuorum: 0,
        labelsAlone: 0,
        leftOut: 0,
      });
      // Train and validation are chunks 0 to 6, of 32 rows but the last: bea has labelled 128 of 200 rows.
      expect(quorum?.missing[0]).toBe(0);
      expect(quorum?.missing[1]).toBeGreaterThan(0.25);
      expect(quorum?.missing[1]).toBeLessThan(0.5);
      // Ada's 250 rows and bea's 4 chunks of 32.
      expect(report.teacherPasses).toEqual({ made: 250 + 128, saved: 0 });
      expect(report.teachers.map(({ testSamples }) => testSamples)).toEqual([50, 0]);
      expect(report.teachers[1]?.accuracy).toBeNull();
      expect(report.ensemble?.testSamples).toBe(50);
      expect(report.warnings.join("\n")).toContain("5 of 9 chunks were closed without some teacher");
    });
  });

  it("has the same weights when a student dies and the decisions are read by another, though labels came since", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { ended } = await withoutBea(cluster, spec);
      const steps: number[] = [];
      const victim = cluster.student("victim", {
        workers: 1,
        watch: {
          onCheckpoint: (_, step) => {
            steps.push(step);
            if (step === 8) victim.kill();
          },
        },
      });
      await cluster.until(() => steps.includes(8));
      await cluster.until(async () => (await decisionsOf(cluster)).length === SMALL_CHUNKS);
      // Bea is back, and labels what another run asks of her.
      cluster.teacher("late", { around: (_, predict) => predict() });
      const record = await cluster.record();
      const bea = record.teachers[1]?.ready?.labelling as string;
      const queue = await cluster.bus.workQueue(streams.work.name, streams.work.filter);
      expect(await queue.pending(labelWorkFilter(bea))).toEqual([]);
      for (const { shard, view, chunk } of await decisionsOf(cluster)) {
        const key = { labelling: bea, shard, view, chunk };
        await queue.publish(
          labelWorkSubject(key),
          encode(LabelChunks, { type: "label-chunks", ...key, count: 1 }),
        );
      }
      const there = async (): Promise<number> =>
        [...(await cluster.labels()).keys()].filter((subject) => subject.includes(bea)).length;
      await cluster.until(async () => (await there()) > BEFORE_DEATH);
      const resumed: (boolean | undefined)[] = [];
      cluster.student("heir", { watch: { onTrain: ({ checkpoint }) => resumed.push(checkpoint !== null) } });
      const report = (await cluster.drive(ended)) as Report;
      expect(resumed).toEqual([true, false]);
      expect((await decisionsOf(cluster)).map(({ present }) => present)).toEqual(decided);
      expect(hashesOf(report)).toEqual(undisturbed);
    });
  });

  it("has other weights than with both teachers, whose decisions are all of everybody", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const report = await cluster.run(spec);
      expect(hashesOf(report)).not.toEqual(undisturbed);
      expect(report.ensemble?.quorum).toMatchObject({ belowAll: 0, missing: [0, 0] });
      for (const { present, by } of await decisionsOf(cluster))
        expect([present, by]).toEqual([[0, 1], "all"]);
      expect(report.warnings.join()).not.toContain("deadline");
    });
  });

  it("keeps its decisions when another coordinator goes on", async () => {
    await withCluster(files.dir, async (cluster) => {
      const first = cluster.coordinator(spec, "r1", "first");
      cluster.teacher("t1");
      await cluster.until(async () => (await decisionsOf(cluster)).length > 0);
      first.kill();
      const before = await decisionsOf(cluster);
      cluster.student("s1");
      await cluster.drive(cluster.coordinator(spec, "r1", "second").ended);
      const after = await decisionsOf(cluster);
      expect(after).toHaveLength(SMALL_CHUNKS);
      for (const decision of before) expect(after).toContainEqual(decision);
    });
  });
});

describe("a run whose second teacher fails", () => {
  /** Ada's logits as they are; bea's are no numbers from her third chunk on. */
  const badBea = async (cluster: Cluster): Promise<AroundPrediction> => {
    await cluster.until(async () => (await cluster.runState()) === "distilling");
    const bea = (await cluster.record()).teachers[1]?.ready?.labelling;
    let labelled = 0;
    return async ({ labelling }, predict) => {
      const logits = await predict();
      return labelling === bea && labelled++ >= 2 ? logits.fill(Number.NaN) : logits;
    };
  };

  it("goes on at once without it where the quorum allows that, and says why", async () => {
    await withCluster(files.dir, async (cluster) => {
      // A deadline beyond the time that the run may take: nobody waits for it.
      const { ended } = cluster.coordinator(specWith({ teachers: 1, deadlineS: 10_000 }));
      cluster.teacher("t1", { around: await badBea(cluster) });
      cluster.student("s1");
      const report = (await cluster.drive(ended)) as Report;
      const present = (await decisionsOf(cluster)).map((decision) => decision.present.join());
      expect(present.filter((places) => places === "0,1").length).toBeLessThan(SMALL_CHUNKS);
      expect(new Set(present)).toEqual(new Set(["0,1", "0"]));
      expect(report.ensemble?.quorum?.missing[0]).toBe(0);
      expect(report.ensemble?.quorum?.missing[1]).toBeGreaterThan(0);
      const said = cluster.logged.map((line) => JSON.stringify(line)).join("\n");
      expect(said).toMatch(/goes on without teacher \\"bea\\", by its quorum: node t1: .* is NaN/);
    });
  });

  it("fails where the quorum needs it", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { ended } = cluster.coordinator(specWith({ teachers: 2, deadlineS: 10_000 }));
      ended.catch(() => undefined);
      cluster.teacher("t1", { around: await badBea(cluster) });
      cluster.student("s1");
      await expect(cluster.drive(ended)).rejects.toThrow(/Run r1 failed at node t1: .* is NaN/);
    });
  });
});

it("a chunk over which node after node dies is closed without the teacher that could not label it", async () => {
  await withCluster(files.dir, async (cluster) => {
    const { ended } = cluster.coordinator(specWith({ teachers: 1, deadlineS: 10_000 }));
    await cluster.until(async () => (await cluster.runState()) === "distilling");
    const bea = (await cluster.record()).teachers[1]?.ready?.labelling;
    cluster.student("s1");
    let over = false;
    ended.then(
      () => {
        over = true;
      },
      () => undefined,
    );
    for (let life = 0; !over; life++) {
      let labelled = 0;
      const node = cluster.teacher(`node-${life}`, {
        // It dies over the first chunk of bea that it is given, with the second at work beside it.
        around: ({ labelling }, predict) => {
          if (labelling !== bea || labelled++ > 0) return predict();
          node.kill();
          return new Promise(() => undefined);
        },
      });
      await cluster.until(() => over || labelled > 0);
      if (over) await node.stop();
    }
    await ended;
    const without = (await decisionsOf(cluster)).filter(({ present }) => present.length === 1);
    expect(without.length).toBeGreaterThan(0);
    for (const { present } of without) expect(present).toEqual([0]);
  });
});

describe("chunks that fewer teachers than the quorum have labelled", () => {
  it("are learnt from their labels alone, and what has none is left out and counted", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { ended } = await withoutBea(cluster, specWith(quorumOf(2), 100));
      cluster.student("s1");
      const report = (await cluster.drive(ended)) as Report;
      const quorum = report.ensemble?.quorum;
      expect(quorum?.belowQuorum).toBe(SMALL_CHUNKS - BEFORE_DEATH);
      expect(quorum?.labelsAlone).toBeGreaterThan(0);
      expect(quorum?.leftOut).toBeGreaterThan(0);
      // 180 training samples, of which 4 chunks' have targets.
      const untargeted = (quorum?.labelsAlone ?? 0) + (quorum?.leftOut ?? 0);
      expect(untargeted / 180).toBeCloseTo(quorum?.missing[1] as number, 12);
      expect(report.ensemble?.accuracy).toBeNull();
      expect(report.retention).toBeNull();
      expect(report.student.accuracy).toBeGreaterThan(0);
    });
  });
});

it("a run without a quorum decides nothing", async () => {
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1");
    const report = await cluster.run(specWith("all"));
    expect(await decisionsOf(cluster)).toEqual([]);
    expect(report.ensemble?.quorum).toBeNull();
  });
});
