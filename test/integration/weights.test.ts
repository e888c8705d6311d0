import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Bus } from "../../shared/bus/bus.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { CheckpointPointer } from "../../shared/protocol/jobs.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import type { Heartbeat } from "../../shared/protocol/presence.ts";
import { buckets, jobKeys, streams } from "../../shared/protocol/subjects.ts";
import { eventually, labelCount, nodesOf, openWorkspace, type Workspace, workspace } from "../helpers/cli.ts";
import { startNatsServer } from "../helpers/natsServer.ts";
import { SMALL_MESSAGES, SMALL_SAMPLES, smallSpec } from "./specs.ts";

// Several processes a test, on machines that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe("the same spec and seed give the same weights", () => {
  let calm: Workspace;
  let hash: string;

  beforeAll(async () => {
    calm = await openWorkspace();
    const report = await calm.report([await calm.spec("one", smallSpec()), "--store", "store"], "out");
    expect(report.teacherPasses).toEqual({ made: 2 * SMALL_SAMPLES, saved: 0 });
    expect(report.bus).toEqual({ kind: "nats" });
    hash = report.student.weightsHash;
  });
  afterAll(() => calm.dispose());

  it.each([2, 4])("with %i teacher nodes as with one", async (teachers) => {
    const place = await workspace();
    const spec = await place.spec("more", smallSpec({ nodes: { teachers, studentWorkers: 1 } }));
    const report = await place.report([spec, "--store", "store"], "out");
    // A store of its own: the labels were made by these nodes, several of which had a share.
    expect(report.teacherPasses).toEqual({ made: 2 * SMALL_SAMPLES, saved: 0 });
    expect(report.teacherNodes).toHaveLength(teachers);
    expect(report.teacherNodes.filter(({ chunks }) => chunks > 0).length).toBeGreaterThan(1);
    expect(report.student.weightsHash).toBe(hash);
  });

  it("when a teacher node is killed in the middle of labelling, and what it held is done by others", async () => {
    const place = await workspace();
    const spec = await place.spec("killed", smallSpec({ nodes: { teachers: 2, studentWorkers: 1 } }));
    const run = place.start(["run", spec, "--store", "store", "--out", "out"]);
    const { url } = await place.server("store");
    const bus = await place.watch(url);
    const victim = await busyTeacher(bus, 30);
    process.kill(victim.pid, "SIGKILL");
    const before = await labelCount(bus);
    expect(before).toBeLessThan(SMALL_MESSAGES);

    await run.says(/teacher-[12] was killed by SIGKILL; it is started again/);
    const end = await run.ended;
    expect(end.code, end.stderr).toBe(0);
    // Both processes tell their counters when they end: the one that went on, and the one that was started again.
    const counters = ["teacher-1", "teacher-2"].flatMap((role) =>
      place.roleLog("out", role).filter(({ msg }) => msg === "teacher node ended"),
    );
    expect(
      counters.map(({ redeliveries }) => redeliveries as number).reduce((a, b) => a + b),
    ).toBeGreaterThan(0);
    const report = place.readReport("out");
    expect(report.labelLog.messages).toBe(SMALL_MESSAGES);
    expect(report.student.weightsHash).toBe(hash);
  });

  it("when every process is killed at once and the same command is given again", async () => {
    const place = await workspace();
    const command = ["run", await place.spec("killed", smallSpec()), "--store", "store", "--out", "out"];
    const first = place.start(command);
    const { url, keeperPid, serverPid } = await place.server("store");
    const bus = await place.watch(url);
    const jobs = await bus.kv(buckets.jobs);
    await first.says("Run small-");
    const run = /Run (small-\w+)/.exec(first.stderr)?.[1] as string;
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
      await run.says("lost the connection");
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      await server.restart();
      expect(await labelCount(bus)).toBeLessThan(SMALL_MESSAGES);

      const end = await run.ended;
      expect(end.code, end.stderr).toBe(0);
      expect(end.stderr).toContain("again");
      expect(place.readReport("out").student.weightsHash).toBe(hash);
    } finally {
      await server.dispose();
    }
  });

  it("on the memory bus, in one process, and the report says that it was the memory bus", async () => {
    const place = await workspace();
    const report = await place.report([await place.spec("memory", smallSpec()), "--bus", "memory"], "out");
    expect(report.bus).toEqual({ kind: "memory", note: "asked for by --bus memory" });
    expect(report.student.weightsHash).toBe(hash);
  });
});

/** The teacher node that has just appended its `count`-th label: in the middle of its work, with more in its hands. */
async function busyTeacher(bus: Bus, count: number): Promise<Heartbeat> {
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const appended = new Map<string, number>();
  const enough = new AbortController();
  for await (const { data } of log.read(streams.labels.filter, enough.signal)) {
    const { node } = decode(Labels, data, "labels");
    appended.set(node, (appended.get(node) ?? 0) + 1);
    if (appended.get(node) !== count) continue;
    enough.abort();
    const found = (await nodesOf(bus, "teacher")).find((heartbeat) => heartbeat.node === node);
    if (found) return found;
  }
  throw new Error(`No teacher node appended ${count} labels`);
}
