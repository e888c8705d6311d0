import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Bus } from "../../shared/bus/bus.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { chunkLabelsFilter, streams } from "../../shared/protocol/subjects.ts";
import { eventually, labelCount, nodesOf, openWorkspace, type Workspace, workspace } from "../helpers/cli.ts";
import { subjectsOf } from "../helpers/subjectsOf.ts";
import { SMALL_IN_FLIGHT, SMALL_MESSAGES, SMALL_SAMPLES, smallSpec } from "./specs.ts";

// Several processes a test, on machines that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe("the same spec and seed give the same weights", () => {
  let calm: Workspace;
  let hash: string;

  beforeAll(async () => {
    calm = await openWorkspace();
    const report = await calm.report([await calm.spec("one", smallSpec()), "--store", "store"], "out");
    expect(report.teacherPasses).toEqual({ made: 2 * SMALL_SAMPLES, saved: 0 });
    expect(report.teacherNodes).toHaveLength(1);
    expect(report.bus).toEqual({ kind: "nats" });
    hash = report.student.weightsHash;
  });
  afterAll(() => calm.dispose());

  it("on the memory bus, in one process, and the report says that it was the memory bus", async () => {
    const place = await workspace();
    const report = await place.report([await place.spec("memory", smallSpec()), "--bus", "memory"], "out");
    expect(report.bus).toEqual({ kind: "memory", note: "asked for by --bus memory" });
    expect(report.warnings.join()).toContain("kept in the memory of one process");
    expect(report.student.weightsHash).toBe(hash);
  });

  it("with two teacher nodes as with one", async () => {
    const place = await workspace();
    const spec = await place.spec("two", smallSpec({ nodes: { teachers: 2, studentWorkers: 1 } }));
    const report = await place.report([spec, "--store", "store"], "out");
    // A store of its own: the labels were made by these nodes, and both had a share.
    expect(report.teacherPasses).toEqual({ made: 2 * SMALL_SAMPLES, saved: 0 });
    expect(report.teacherNodes.filter(({ chunks }) => chunks > 0)).toHaveLength(2);
    expect(report.student.weightsHash).toBe(hash);
  });

  it("when a teacher node is killed in the middle of labelling, and what it held is done by others", async () => {
    const place = await workspace();
    const spec = await place.spec("killed", smallSpec({ nodes: { teachers: 2, studentWorkers: 1 } }));
    const run = place.start(["run", spec, "--store", "store", "--out", "out"]);
    const bus = await place.watch((await place.server("store")).url);
    const nodes = await eventually("both teacher nodes are there", async () => {
      const found = await nodesOf(bus, "teacher");
      return found.length === 2 ? found : undefined;
    });
    const busy = await firstToAppend(bus);
    // All labelling stands still until the victim is stopped, so that it cannot end before this process gets its turn.
    for (const { pid } of nodes) process.kill(pid, "SIGSTOP");
    const victim = nodes.find(({ node }) => node === busy)?.pid as number;
    const others = nodes.filter(({ pid }) => pid !== victim).map(({ pid }) => pid);
    await killAtWork(bus, victim, others);
    const before = await labelCount(bus);
    expect(before).toBeLessThan(SMALL_MESSAGES);

    await run.says(/teacher-[12] was killed by SIGKILL; it is started again/);
    const end = await run.ended;
    expect(end.code, end.stderr).toBe(0);
    // Both processes tell their counters when they end: the one that went on, and the one that was started again.
    const counters = ["teacher-1", "teacher-2"].flatMap((role) =>
      place.roleLog("out", role).filter(({ msg }) => msg === "teacher node ended"),
    );
    expect(counters).toHaveLength(2);
    expect(Math.max(...counters.map(({ redeliveries }) => redeliveries as number))).toBeGreaterThan(0);
    const report = place.readReport("out");
    expect(report.labelLog.messages).toBe(SMALL_MESSAGES);
    expect(report.student.weightsHash).toBe(hash);
  });
});

/** The node that is the first to append a label. */
async function firstToAppend(bus: Bus): Promise<string> {
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const seen = new AbortController();
  try {
    for await (const { data } of log.read(streams.labels.filter, seen.signal))
      return decode(Labels, data, "labels").node;
    throw new Error("No teacher node appended a label");
  } finally {
    seen.abort();
  }
}

/**
 * Kills a teacher node that holds chunks which the log lacks. It is stopped while others go on: what was queued then,
 * and lacks its labels still after twice as many others as can be in flight, is in its hands. All stand still while
 * that is looked up, so that labelling is not over before.
 * @param others the other nodes, stopped; they go on in the end
 */
async function killAtWork(bus: Bus, pid: number, others: readonly number[]): Promise<void> {
  const tellOthers = (signal: NodeJS.Signals): void => {
    for (const other of others) process.kill(other, signal);
  };
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const unlabelled = async (subjects: Iterable<string>): Promise<Set<string>> => {
    const pending = new Set(await queue.pending(streams.work.filter));
    const found = new Set<string>();
    for (const subject of subjects) {
      const [, , , labelling = "", shard = "", view = "", chunk = ""] = subject.split(".");
      const parts = chunkLabelsFilter({ labelling, shard, view, chunk: Number(chunk) });
      if (pending.has(subject) && (await subjectsOf(log, parts)).length === 0) found.add(subject);
    }
    return found;
  };
  const othersGoOn = async (): Promise<void> => {
    const enough = (await labelCount(bus)) + SMALL_IN_FLIGHT;
    if (enough >= SMALL_MESSAGES) throw new Error("Labelling was over before the node was caught at work");
    tellOthers("SIGCONT");
    await eventually("the others have gone on", async () => (await labelCount(bus)) >= enough || undefined);
    tellOthers("SIGSTOP");
  };
  for (;;) {
    process.kill(pid, "SIGSTOP"); // as it may be already
    let held = new Set(await queue.pending(streams.work.filter));
    for (let round = 0; round < 2 && held.size > 0; round++) {
      await othersGoOn();
      held = await unlabelled(held);
    }
    process.kill(pid, held.size > 0 ? "SIGKILL" : "SIGCONT");
    if (held.size > 0) return tellOthers("SIGCONT");
    await sleep(10); // until it has taken the next
  }
}
