import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listedLines } from "../../cli/view/labelsView.ts";
import { readKnown } from "../../coordinator/labelLog/known.ts";
import { type ListedLabelling, listLabels } from "../../coordinator/labelLog/listLabels.ts";
import { surveyLog } from "../../coordinator/labelLog/survey.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { labelMessage } from "../../shared/labels/labelMessage.ts";
import { labellingHash, PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { labelsSubject, shardLabelsFilter, streams } from "../../shared/protocol/subjects.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { fileTeacher, SMALL_CHUNKS, SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

const never = new AbortController().signal;

async function listed(bus: Bus, filters?: string[]): Promise<ListedLabelling[]> {
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const { groups } = await surveyLog({ log, signal: never, ...(filters && { filters }) });
  return listLabels(log, groups, await readKnown(bus));
}

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada", "bea");
});
afterAll(() => files.remove());

describe("the list of the label log", () => {
  it("tells teachers, data, chunks, samples, bytes and runs, from records and headers", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const spec = smallSpec({ teachers: [fileTeacher("ada"), fileTeacher("bea")] });
      const { teachers } = await cluster.run(spec);
      await cluster.run(smallSpec({ teachers: [fileTeacher("ada")], seeds: [2] }), "r2");
      const all = await listed(cluster.bus);
      expect(all.map(({ names }) => names).sort()).toEqual([["ada"], ["bea"]]);
      const ada = all.find(({ names }) => names[0] === "ada") as ListedLabelling;
      const { data, shards } = await cluster.record();
      expect(ada).toMatchObject({
        labelling: teachers[0]?.labelling,
        identity: teachers[0]?.identity,
        encoding: "half",
        classes: 4,
        chunkSize: 32,
        messages: SMALL_CHUNKS,
        imported: null,
        problem: null,
      });
      expect([...ada.uses].sort((a, b) => a.run.localeCompare(b.run))).toEqual([
        { run: "r1", state: "done" },
        { run: "r2", state: "done" },
      ]);
      // 200 rows in chunks of 32 are 7, 50 rows are 2.
      const byShard = new Map(ada.shards.map((shard) => [shard.shard, shard]));
      for (const [place, chunks] of [7, 2].entries()) {
        const { hash, rows } = shards[place] as { hash: string; rows: number };
        expect(byShard.get(hash)).toMatchObject({
          view: "plain",
          data: [{ hash: data.hash, name: "synthetic" }],
          messages: chunks,
          chunks: { complete: chunks, partial: 0, of: chunks },
          samples: rows,
        });
      }
      const bytes = [...(await cluster.labels()).values()].reduce((sum, one) => sum + one.length, 0);
      expect(all[0]?.bytes).toBeGreaterThan(0);
      expect(all.reduce((sum, one) => sum + one.bytes, 0)).toBe(bytes);
      expect(listedLines("memory", all).join("\n")).toContain(
        `view plain: 2 shards, ${SMALL_CHUNKS} of ${SMALL_CHUNKS} chunks complete, ${SMALL_ROWS} samples`,
      );
    });
  });

  it("tells views that change the samples in one line", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const views = { count: 3, recipe: [{ kind: "noise", deviation: 0.1 }] } as const;
      const train = { epochs: 3, batch: 32 };
      const student = { model: { arch: "mlp", hidden: [6] }, train } as const;
      await cluster.run(smallSpec({ views, student } as never));
      const lines = listedLines("memory", await listed(cluster.bus)).filter((line) =>
        line.includes("data  "),
      );
      expect(lines.sort()).toEqual([
        // Two views of the 7 chunks of 200 rows with training samples.
        expect.stringMatching(/, changed by views: 2 views, 14 of 14 chunks complete, 400 samples, /),
        expect.stringMatching(/, view plain: 2 shards, 9 of 9 chunks complete, 250 samples, /),
      ]);
    });
  });

  it("counts a chunk that lacks a part as partial, and the samples of the parts that are there", async () => {
    const bus = createMemoryBus().connect();
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    // A row of 100,000 classes in float32 takes 400 kB: each is a message, and a chunk of 2 has two.
    const classes = 100_000;
    const labelling = labellingHash({ identity: "1".repeat(32), encoding: "float32", chunkSize: 2 });
    const shard = "2".repeat(32);
    const key = { labelling, shard, view: PLAIN_VIEW, chunk: 0 };
    const { data } = labelMessage({
      key,
      part: 0,
      rows: Uint32Array.of(0),
      values: new Float32Array(classes),
      layout: { encoding: "float32", classes, features: [] },
      node: "n1",
      what: "test",
    });
    // Of 5 rows in 3 chunks: chunk 0 is whole, chunk 1 lacks its second part, chunk 2 has its only one.
    for (const [chunk, part] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [2, 0],
    ] as const) {
      await log.append(labelsSubject({ ...key, chunk }, part), data);
    }
    const { groups } = await surveyLog({ log, signal: never });
    const record = {
      ...{ labelling, identity: "1".repeat(32), names: new Set(["wide"]), encoding: "float32" as const },
      ...{ chunkSize: 2, uses: [], imported: null },
    };
    const known = {
      labellings: new Map([[labelling, record]]),
      shards: new Map([[shard, { rows: 5, data: new Map([["3".repeat(32), "own"]]) }]]),
      ...{ runs: new Map(), unread: [] },
    };
    const [one] = await listLabels(log, groups, known);
    expect(one?.shards[0]).toMatchObject({ chunks: { complete: 2, partial: 1, of: 3 }, samples: 4 });

    // Without records it is told by its hashes, and what they alone know is not guessed.
    const [unknown] = await listLabels(log, groups, await readKnown(bus));
    expect(unknown).toMatchObject({
      names: [],
      identity: null,
      chunkSize: null,
      encoding: "float32",
      classes,
    });
    expect(unknown?.shards[0]).toMatchObject({ chunks: null, samples: null, messages: 4, data: [] });
    const text = listedLines("memory", unknown ? [unknown] : []).join("\n");
    expect(text).toContain(`unknown data, view plain: 4 messages`);
    await bus.close();
  });

  it("looks at what its filters name alone, and says what is no label", async () => {
    const bus = createMemoryBus().connect();
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    const keys = ["1", "2"].map((digit) => ({
      ...{ labelling: digit.repeat(32), shard: "3".repeat(32), view: PLAIN_VIEW, chunk: 0 },
    }));
    for (const key of keys) await log.append(labelsSubject(key, 0), Uint8Array.of(1));
    await log.append("stillhouse.labels.x", Uint8Array.of(1));
    const filters = [shardLabelsFilter(keys[1] as (typeof keys)[number])];
    const some = await surveyLog({ log, filters, signal: never });
    expect(some.groups.map(({ labelling }) => labelling)).toEqual(["2".repeat(32)]);
    const all = await surveyLog({ log, signal: never });
    expect(all.groups.length).toBe(2);
    expect(all.strange).toEqual([expect.stringContaining('Cannot read "stillhouse.labels.x" as a subject')]);
    const [broken] = await listed(bus, filters);
    expect(broken?.problem).toContain("labels at stillhouse.labels.2222");
    await bus.close();
  });

  it("ends with the reason of its signal", async () => {
    const bus = createMemoryBus().connect();
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    const stopped = AbortSignal.abort(new Error("stopped by SIGINT"));
    await expect(surveyLog({ log, signal: stopped })).rejects.toThrow("stopped by SIGINT");
    await bus.close();
  });
});
