import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { decode } from "../../shared/protocol/codec.ts";
import { CheckpointPointer } from "../../shared/protocol/jobs.ts";
import { buckets, jobKeys, PRESENCE_TTL_MS } from "../../shared/protocol/subjects.ts";
import { eventually, labelCount, nodesOf, statusNodes, workspace } from "../helpers/cli.ts";
import { startNatsServer } from "../helpers/natsServer.ts";
import { calmHash, SMALL_MESSAGES, SMALL_SAMPLES, smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe("a run ends with the weights of a calm one", () => {
  let hash: string;
  beforeAll(async () => {
    hash = await calmHash();
  });

  it("when every process is killed at once and the same command is given again", async () => {
    const place = await workspace();
    const command = ["run", await place.spec("killed", smallSpec()), "--store", "store", "--out", "out"];
    const first = place.start(command);
    const { url, keeperPid, serverPid } = await place.server("store");
    const jobs = await (await place.watch(url)).kv(buckets.jobs);
    await first.says(/Run small-\w+,/);
    const run = /Run (small-\w+),/.exec(first.stderr)?.[1] as string;
    const saved = await eventually("the student has a second checkpoint", async () => {
      const entry = await jobs.get(jobKeys.checkpoint(run, "student-1"));
      const pointer = entry && decode(CheckpointPointer, entry.value, "checkpoint");
      return pointer?.previous ? pointer : undefined;
    });
    first.signalGroup("SIGKILL");
    for (const pid of [keeperPid, serverPid]) process.kill(pid, "SIGKILL");
    expect((await first.ended).signal).toBe("SIGKILL");
    await eventually("nothing of it lives", () => place.living().length === 0 || undefined);

    const second = await place.run(command);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toContain(`Going on with run ${run}.`);
    const report = place.readReport("out");
    expect(report.run).toBe(run);
    const { lineage, steps } = report.seeds[0]?.student ?? { lineage: [], steps: 0 };
    expect(lineage).toHaveLength(2);
    expect(lineage[0]?.fromStep).toBe(0);
    expect(lineage[1]?.fromStep).toBeGreaterThanOrEqual(saved.step);
    expect(lineage[1]?.fromStep).toBeLessThan(steps);
    expect(report.student.weightsHash).toBe(hash);
  });

  it("when the NATS server goes away for longer than leases last, and comes back", async () => {
    const place = await workspace();
    const server = await startNatsServer();
    try {
      const spec = await place.spec("outage", smallSpec());
      const run = place.start(["run", spec, "--nats", server.url, "--out", "out"]);
      const bus = await place.watch(server.url);
      await eventually("labelling has begun", async () => (await labelCount(bus)) > 60 || undefined);
      await server.kill();
      // Said while it is away, not when it is back.
      await run.says("lost the connection");
      await sleep(PRESENCE_TTL_MS + 1_000);
      await server.restart();
      await run.says(`connected to ${server.url} again`);
      expect(await labelCount(bus)).toBeLessThan(SMALL_MESSAGES);

      const end = await run.ended;
      expect(end.code, end.stderr).toBe(0);
      const leasesTaken = place.roleLog("out", "coordinator").filter(({ msg }) => msg === "coordinating");
      expect(leasesTaken.length).toBeGreaterThan(1);
      expect(place.readReport("out").student.weightsHash).toBe(hash);
    } finally {
      await server.dispose();
    }
  });

  it("with four teacher nodes as with one; a second run with other seeds then makes no teacher pass", async () => {
    const place = await workspace();
    const server = await startNatsServer();
    try {
      // The run's own node may come too late to a run this short: four are there before it.
      const four = ["t1", "t2", "t3", "t4"];
      for (const name of four) place.start(["teacher", "--nats", server.url, "--name", name]);
      const bus = await place.watch(server.url);
      await eventually("all teacher nodes are there", async () =>
        (await nodesOf(bus, "teacher")).length === four.length ? true : undefined,
      );
      const spec = await place.spec("first", smallSpec());
      const first = await place.report([spec, "--nats", server.url], "first");
      expect(first.teacherPasses).toEqual({ made: 2 * SMALL_SAMPLES, saved: 0 });
      expect(first.teacherNodes.map(({ node }) => node)).toEqual(expect.arrayContaining(four));
      expect(first.student.weightsHash).toBe(hash);

      // These outlive the run, and had a share in its labels.
      const before = await statusNodes(place, server.url, "teacher");
      expect(before.map(({ node }) => node)).toEqual(four);
      expect(before.reduce((sum, { samplesPredicted }) => sum + samplesPredicted, 0)).toBeGreaterThan(0);

      const other = await place.spec("second", smallSpec({ name: "second", seed: 5, seeds: [2] }));
      const second = await place.report([other, "--nats", server.url], "second");
      expect(second.teacherPasses).toEqual({ made: 0, saved: 2 * SMALL_SAMPLES });
      expect(second.teachers.map(({ source }) => source)).toEqual(["reused", "reused"]);
      const identities = second.teachers.map(({ identity }) => identity);
      expect(identities).toEqual(first.teachers.map(({ identity }) => identity));
      expect(second.student.weightsHash).not.toBe(hash);

      expect(await statusNodes(place, server.url, "teacher")).toEqual(before);
      const own = second.teacherNodes.filter(({ node }) => !four.includes(node));
      // Its own node is in the report where it was up before a run that had so little to do was over.
      expect(own.length).toBeLessThanOrEqual(1);
      for (const { samplesPredicted, chunks } of own) expect([samplesPredicted, chunks]).toEqual([0, 0]);
    } finally {
      await server.dispose();
    }
  });
});
