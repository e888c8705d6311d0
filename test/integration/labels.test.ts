import { expect, it, vi } from "vitest";
import { eventually, nodesOf, type Workspace, workspace } from "../helpers/cli.ts";
import { startNatsServer } from "../helpers/natsServer.ts";
import { SMALL_SAMPLES, smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000 });

it("a second run with other seeds on the same server makes no teacher pass", async () => {
  const place = await workspace();
  const server = await startNatsServer();
  try {
    for (const name of ["t1", "t2"]) place.start(["teacher", "--nats", server.url, "--name", name]);
    const bus = await place.watch(server.url);
    await eventually("both teacher nodes are there", async () =>
      (await nodesOf(bus, "teacher")).length === 2 ? true : undefined,
    );

    const first = await place.report([await place.spec("first", smallSpec()), "--nats", server.url], "first");
    expect(first.teacherPasses).toEqual({ made: 2 * SMALL_SAMPLES, saved: 0 });
    const before = await counters(place, server.url);
    expect(before.map(({ node }) => node).sort()).toEqual(["t1", "t2"]);
    // These nodes outlive the run, and they had a share in its labels, beside the run's own node.
    expect(before.reduce((sum, { samplesPredicted }) => sum + samplesPredicted, 0)).toBeGreaterThan(0);

    const spec = await place.spec("second", smallSpec({ name: "second", seed: 5, seeds: [2] }));
    const second = await place.report([spec, "--nats", server.url], "second");
    expect(second.teacherPasses).toEqual({ made: 0, saved: 2 * SMALL_SAMPLES });
    expect(second.teachers.map(({ source }) => source)).toEqual(["reused", "reused"]);
    expect(second.teachers.map(({ identity }) => identity)).toEqual(
      first.teachers.map(({ identity }) => identity),
    );
    expect(second.student.weightsHash).not.toBe(first.student.weightsHash);

    expect(await counters(place, server.url)).toEqual(before);
    const own = second.teacherNodes.filter(({ node }) => node !== "t1" && node !== "t2");
    expect(own.map(({ samplesPredicted, chunks }) => ({ samplesPredicted, chunks }))).toEqual([
      { samplesPredicted: 0, chunks: 0 },
    ]);
  } finally {
    await server.dispose();
  }
});

/** What the living teacher nodes count themselves, as `status --json` tells. */
async function counters(place: Workspace, url: string) {
  const end = await place.run(["status", "--nats", url, "--json"]);
  expect(end.code, end.stderr).toBe(0);
  const { nodes } = JSON.parse(end.stdout) as {
    nodes: {
      role: string;
      node: string;
      pid: number;
      samplesPredicted: number;
      chunksLabelled: number;
      redeliveries: number;
    }[];
  };
  return nodes
    .filter(({ role }) => role === "teacher")
    .map(({ node, pid, samplesPredicted, chunksLabelled, redeliveries }) => {
      return { node, pid, samplesPredicted, chunksLabelled, redeliveries };
    })
    .sort((a, b) => a.node.localeCompare(b.node));
}
