import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KnownLabels, readKnown } from "../../coordinator/labelLog/known.ts";
import { prune } from "../../coordinator/labelLog/prune.ts";
import { planPrune, requireNoneBegan } from "../../coordinator/labelLog/prunePlan.ts";
import { type LabelGroup, surveyLog } from "../../coordinator/labelLog/survey.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import { openDataset } from "../../shared/data/open.ts";
import type { RunState } from "../../shared/protocol/run.ts";
import { buckets, streams } from "../../shared/protocol/subjects.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { labelsByRow, npzOf } from "../helpers/labelsOfLog.ts";
import {
  SMALL_CHUNKS,
  SMALL_ROWS,
  smallSpec,
  trainedTeacher,
  writeTeacherFiles,
} from "../helpers/smallRun.ts";

const never = new AbortController().signal;
const DAY_MS = 24 * 3600 * 1000;
const [a, b, c] = ["a", "b", "c"].map((letter) => letter.repeat(32)) as [string, string, string];

const group = (labelling: string, newestMs = 0, shard = "1".repeat(32)): LabelGroup => ({
  ...{ labelling, shard, view: "2".repeat(32), messages: 2, bytes: 100, newestMs },
  ...{ example: "", parts: new Map() },
});
/** Labelling a is read by run `done` and, with b, by run `other`; nobody knows c. */
const knownWith = (state: RunState, unread: string[] = []): KnownLabels => {
  const of = (labelling: string, runs: [string, RunState][]) =>
    [
      labelling,
      {
        ...{ labelling, identity: labelling, names: new Set([`teacher ${labelling[0]}`]), chunkSize: 1 },
        ...{ encoding: "half" as const, imported: null },
        uses: runs.map(([run, at]) => ({ run, state: at })),
      },
    ] as const;
  return {
    labellings: new Map([
      of(a, [
        ["done", "done"],
        ["other", state],
      ]),
      of(b, [["other", state]]),
    ]),
    shards: new Map(),
    runs: new Map<string, RunState>([
      ["done", "done"],
      ["other", state],
    ]),
    unread,
  };
};
const labellingsOf = ({ remove }: { remove: readonly LabelGroup[] }) =>
  remove.map(({ labelling }) => labelling);

describe("the plan of a prune", () => {
  const groups = [group(a), group(b), group(c, 5 * DAY_MS)];

  it("takes what all choices name: a labelling, a run, orphans, an age", () => {
    const known = knownWith("failed");
    const plan = (choice: Parameters<typeof planPrune>[2]) =>
      labellingsOf(planPrune(groups, known, choice, 8 * DAY_MS));
    expect(plan({ labelling: b })).toEqual([b]);
    expect(plan({ run: "done" })).toEqual([a]);
    expect(plan({ run: "other" })).toEqual([a, b]);
    expect(plan({ orphans: true })).toEqual([c]);
    expect(plan({ olderThanDays: 3 })).toEqual([a, b]);
    expect(plan({ olderThanDays: 2.9 })).toEqual([a, b, c]);
    expect(plan({ olderThanDays: 3, orphans: true })).toEqual([]);
    expect(planPrune(groups, known, { olderThanDays: 3 }, 8 * DAY_MS)).toMatchObject({
      messages: 4,
      bytes: 200,
    });
  });

  it("judges the age of each shard by its last message", () => {
    const two = [group(c, 0), group(c, 6 * DAY_MS, "3".repeat(32))];
    const { remove } = planPrune(two, knownWith("done"), { olderThanDays: 3 }, 7 * DAY_MS);
    expect(remove).toEqual([two[0]]);
  });

  it.each(["planned", "teaching", "distilling", "evaluating"] as const)(
    "refuses by name what a run that is %s needs, and leaves it where age chose it",
    (state) => {
      const known = knownWith(state);
      for (const choice of [{ labelling: a }, { run: "done" }, { run: "other" }]) {
        expect(() => planPrune(groups, known, choice, 0)).toThrow(
          new RegExp(
            `Cannot prune labelling ${a} \\(teacher a\\) as it is needed by run other, which is ${state}: expected runs that are over`,
          ),
        );
      }
      const plan = planPrune(groups, known, { olderThanDays: 0 }, 9 * DAY_MS);
      expect(labellingsOf(plan)).toEqual([c]);
      expect([...plan.kept]).toEqual([
        [a, ["other"]],
        [b, ["other"]],
      ]);
    },
  );

  it("refuses without a choice, for what is not there, and beside records that it cannot read", () => {
    const known = knownWith("done");
    expect(() => planPrune(groups, known, {}, 0)).toThrow(/without a choice: give --labelling HASH/);
    expect(() => planPrune(groups, known, { run: "r9" }, 0)).toThrow(
      /run "r9": there is no such run; expected one of \[done, other\]/,
    );
    const unknown = "d".repeat(32);
    expect(() => planPrune(groups, known, { labelling: unknown }, 0)).toThrow(
      new RegExp(
        `labelling "${unknown}": the log has none of its labels; expected one of \\[${a}, ${b}, ${c}\\]`,
      ),
    );
    expect(() =>
      planPrune(groups, knownWith("done", ["a record of version 9"]), { orphans: true }, 0),
    ).toThrow(
      /as 1 records of runs or imports cannot be read, and may need any labels: a record of version 9/,
    );
  });
});

async function survey(bus: Bus) {
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  return (await surveyLog({ log, signal: never })).groups;
}

it("a run that began while its labels were deleted is named, with what helps", () => {
  expect(() => requireNoneBegan(knownWith("distilling"), a)).toThrow(
    new RegExp(
      `Labelling ${a} was deleted while run other began, which needs it: stop that run and start it again`,
    ),
  );
  expect(() => requireNoneBegan(knownWith("done"), a)).not.toThrow();
});

describe("a prune", () => {
  let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
  beforeAll(async () => {
    files = await writeTeacherFiles("ada");
  });
  afterAll(() => files.remove());

  it("deletes labels so that the next run computes them again, and forgets how the first node rounded", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const first = await cluster.run(smallSpec());
      expect(first.teacherPasses).toEqual({ made: SMALL_ROWS, saved: 0 });
      const groups = await survey(cluster.bus);
      const plan = planPrune(groups, await readKnown(cluster.bus), { run: "r1" }, 0);
      expect(plan.messages).toBe(SMALL_CHUNKS);
      expect(await (await cluster.bus.kv(buckets.numerics)).keys(">")).toHaveLength(1);
      expect(await prune(cluster.bus, plan, groups, never)).toEqual({
        messages: SMALL_CHUNKS,
        labellings: 1,
      });
      expect((await cluster.labels()).size).toBe(0);
      expect(await (await cluster.bus.kv(buckets.numerics)).keys(">")).toEqual([]);
      const second = await cluster.run(smallSpec({ seeds: [2] }), "r2");
      expect(second.teacherPasses).toEqual({ made: SMALL_ROWS, saved: 0 });
    });
  });

  it("deletes nothing that a run needs by then which began after the plan was made", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      const student = cluster.student("s1");
      await cluster.run(smallSpec());
      const groups = await survey(cluster.bus);
      const plan = planPrune(groups, await readKnown(cluster.bus), { run: "r1" }, 0);
      await student.stop();
      const next = cluster.coordinator(smallSpec({ seeds: [2] }), "r2");
      await cluster.until(async () => (await cluster.runState("r2")) === "distilling");
      await expect(cluster.drive(prune(cluster.bus, plan, groups, never))).rejects.toThrow(
        /needed by run r2, which is distilling/,
      );
      expect((await cluster.labels()).size).toBe(SMALL_CHUNKS);
      await cluster.drive(next.stop());
      // Stopped is not over: whoever goes on with it reads them.
      await expect(cluster.drive(prune(cluster.bus, plan, groups, never))).rejects.toThrow(
        /needed by run r2/,
      );
    });
  });

  it("keeps imported labels for a run that names them by their identity, before it has begun with them", async () => {
    await withCluster(files.dir, async (cluster) => {
      const node = cluster.teacher("t1");
      const student = cluster.student("s1");
      const labels = { chunkSize: 32, encoding: "float32" } as const;
      await cluster.run(smallSpec({ labels }));
      const dataset = await openDataset(smallSpec().data, files.dir);
      await writeFile(
        join(files.dir, "ada.npz"),
        npzOf(labelsByRow((await cluster.labels()).values(), dataset, 32)),
      );
      const source = (of: object) => smallSpec({ labels, teachers: [{ name: "gpt", labels: of }] } as never);
      const { teachers } = await cluster.run(source({ path: "ada.npz" }), "r2");
      const { identity, labelling } = teachers[0] as { identity: string; labelling: string };
      const known = await readKnown(cluster.bus);
      expect(known.labellings.get(labelling)).toMatchObject({ identity, imported: "ada.npz" });
      await student.stop();
      await node.stop();

      // Another teacher of it is never there, so that the run stays in `teaching`.
      const both = [trainedTeacher("none"), { name: "gpt", labels: { identity } }];
      const pending = cluster.coordinator(smallSpec({ labels, teachers: both }), "r3");
      await cluster.until(async () => (await cluster.runState("r3")) === "teaching");
      const groups = await survey(cluster.bus);
      const now = await readKnown(cluster.bus);
      expect(() => planPrune(groups, now, { labelling }, 0)).toThrow(/needed by run r3, which is teaching/);
      await cluster.drive(pending.stop());

      // Once nobody needs them they go, and the record of the import with them.
      await (await cluster.bus.kv(buckets.runs)).delete("r3");
      const plan = planPrune(groups, await readKnown(cluster.bus), { labelling }, 0);
      await cluster.drive(prune(cluster.bus, plan, groups, never));
      expect(await (await cluster.bus.kv(buckets.imports)).keys(">")).toEqual([]);
      expect((await cluster.labels()).size).toBe(SMALL_CHUNKS);
    });
  });
});
