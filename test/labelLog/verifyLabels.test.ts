import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temperaturesOf } from "../../cli/commands/labels/temperaturesOf.ts";
import { verdictOf, verifiedLines } from "../../cli/view/verifiedView.ts";
import { findTeachers, type LogTeacher } from "../../coordinator/labelLog/findTeachers.ts";
import { boundOf, LabelErrors } from "../../coordinator/labelLog/labelErrors.ts";
import { type VerifyLabelsOptions, verifyLabels } from "../../coordinator/labelLog/verifyLabels.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Dataset, Shard } from "../../shared/data/dataset.ts";
import { openDataset } from "../../shared/data/open.ts";
import { labelMessage } from "../../shared/labels/labelMessage.ts";
import { chunkLayout } from "../../shared/labels/layout.ts";
import { decode, encode } from "../../shared/protocol/codec.ts";
import type { FeatureLayout } from "../../shared/protocol/features.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import { SimulatedTeacher } from "../helpers/computes.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_CHUNKS, SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

/** Runs a spec, and gives what its labels are verified with: the teacher itself, as a node would have it. */
async function afterRun(
  spec: RunSpec,
  body: (of: {
    cluster: Cluster;
    dataset: Dataset;
    teacher: LogTeacher;
    verify: (patch?: Partial<VerifyLabelsOptions>) => ReturnType<typeof verifyLabels>;
    predict: VerifyLabelsOptions["predict"];
  }) => Promise<void>,
): Promise<void> {
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1");
    await cluster.run(spec);
    const dataset = await openDataset(spec.data, files.dir);
    const [teacher] = (await findTeachers(cluster.bus, spec, files.dir, dataset)) as [LogTeacher];
    const compute = new SimulatedTeacher();
    await compute.openData(dataset);
    await compute.load({ labelling: teacher.labelling, bytes: await teacher.model?.bytes() } as never);
    const predict: VerifyLabelsOptions["predict"] = (shard, rows, view) =>
      compute.predict(teacher.labelling, dataset.hash, shard, rows, view);
    const log = await cluster.labelLog();
    const options: VerifyLabelsOptions = {
      ...{ log, dataset, spec, teacher, share: 1, seed: 0, temperatures: [1, 4], predict },
      signal: new AbortController().signal,
    };
    await body({
      ...{ cluster, dataset, teacher, predict },
      verify: (patch = {}) => verifyLabels({ ...options, ...patch }),
    });
  });
}

describe("labels that are computed again", () => {
  it.each([
    ["int8", "int8", 1e-3],
    ["top-k", { kind: "top-k", k: 2 }, 0.5],
    ["random draws", { kind: "sampled", draws: 64 }, 0.5],
  ] as const)("in %s are the same, and what that costs alone is told", async (_, encoding, most) => {
    await afterRun(
      smallSpec({ labels: { encoding, chunkSize: 32 } }),
      async ({ verify, teacher, predict }) => {
        const found = await verify();
        expect(found).toMatchObject({ samples: SMALL_ROWS, beyondRounding: 0, wrong: [] });
        for (const { log, rounding } of found.kl) {
          expect(log).toBe(rounding);
          expect(log).toBeGreaterThan(0);
          expect(log).toBeLessThan(most);
        }
        const verified = { name: "ada", labelling: "", encoding: teacher.encoding, found };
        expect(verdictOf(verified, undefined).verdict).toBe("right");
        const other = await verify({ predict: async (...of) => (await predict(...of)).map((z) => 2 * z) });
        expect(verdictOf({ ...verified, found: other }, undefined).verdict).toBe("wrong");
      },
    );
  });

  it("in float32 are the very bits, all of them", async () => {
    await afterRun(smallSpec({ labels: { encoding: "float32", chunkSize: 32 } }), async ({ verify }) => {
      const found = await verify();
      expect(found).toMatchObject({
        samples: SMALL_ROWS,
        chunks: { checked: SMALL_CHUNKS, there: SMALL_CHUNKS, needed: SMALL_CHUNKS },
        wrong: [],
        log: { largest: 0, mean: 0 },
        rounding: { largest: 0, mean: 0 },
        beyondRounding: 0,
        sameTop: 1,
      });
      // A divergence of a distribution from itself, up to the order in which float64 sums.
      for (const { log } of found.kl) expect(Math.abs(log)).toBeLessThan(1e-15);
      expect(verdictOf({ name: "ada", labelling: "", encoding: "half", found }, undefined).verdict).toBe(
        "right",
      );
    });
  });

  it("in half differ by what half rounds and by nothing else", async () => {
    await afterRun(smallSpec(), async ({ verify }) => {
      const found = await verify();
      expect(found.log).toEqual(found.rounding);
      expect(found.beyondRounding).toBe(0);
      // Logits lie within 6: between 4 and 8 halves are 2^-8 apart, so that rounding moves one by 2^-9 at most.
      expect(found.log.largest).toBeGreaterThan(0);
      expect(found.log.largest).toBeLessThanOrEqual(2 ** -9);
      expect(found.kl.map(({ temperature }) => temperature)).toEqual([1, 4]);
      for (const { log, rounding } of found.kl) {
        expect(log).toBe(rounding);
        expect(log).toBeGreaterThan(0);
        expect(log).toBeLessThan(1e-5);
      }
    });
  });

  it("are a share of the chunks, which the seed draws", async () => {
    await afterRun(smallSpec(), async ({ verify, predict }) => {
      const drawn = async (share: number, seed: number): Promise<string[]> => {
        const asked: string[] = [];
        const { chunks } = await verify({
          ...{ share, seed },
          predict: (shard, rows, view) => {
            asked.push(`${shard}/${rows.join(",")}`);
            return predict(shard, rows, view);
          },
        });
        expect(asked.length).toBe(chunks.checked);
        return asked;
      };
      // Of 9 chunks a quarter is 2.25: 3. A thousandth is one.
      const first = await drawn(0.25, 1);
      expect(first.length).toBe(3);
      expect((await drawn(0.001, 1)).length).toBe(1);
      expect(await drawn(0.25, 1)).toEqual(first);
      const others = await Promise.all([2, 3, 4].map((seed) => drawn(0.25, seed)));
      expect(others.some((other) => other.join() !== first.join())).toBe(true);
    });
  });

  it("within 1% of the largest logit are right, as numerics: tolerant has it, and beyond it are not", async () => {
    await afterRun(smallSpec(), async ({ verify, predict }) => {
      const shifted = (by: number) =>
        verify({ predict: async (...of) => (await predict(...of)).map((logit) => logit + by) });
      const verdict = async (by: number, bound?: number) =>
        verdictOf({ name: "ada", labelling: "", encoding: "half", found: await shifted(by) }, bound).verdict;
      // Logits lie within 6, so that 1% is 0.06 at most, and twice the rounding of half 2^-8 more.
      expect(await verdict(0.05)).toBe("right");
      expect(await verdict(0.08)).toBe("wrong");
      expect(await verdict(0.08, 0.1)).toBe("right");
      expect(await verdict(0.05, 0.01)).toBe("wrong");
      expect((await shifted(0.08)).sameTop).toBe(1);
    });
  });

  it("are those of every view that the teachers label", async () => {
    const views = { count: 2, recipe: [{ kind: "noise", deviation: 0.1 }] } as const;
    await afterRun(smallSpec({ views } as never), async ({ verify, predict }) => {
      const asked = new Map<number, number>();
      const found = await verify({
        predict: (shard, rows, view) => {
          const number = view?.number ?? 0;
          asked.set(number, (asked.get(number) ?? 0) + rows.length);
          return predict(shard, rows, view);
        },
      });
      // View 1 is of the 7 chunks of 200 rows that hold training samples.
      expect([...asked]).toEqual([
        [0, SMALL_ROWS],
        [1, 200],
      ]);
      expect(found).toMatchObject({ samples: SMALL_ROWS + 200, beyondRounding: 0, wrong: [] });
      expect(found.chunks).toEqual({ checked: 16, there: 16, needed: 16 });
      const plain = await verify({ predict: (shard, rows) => predict(shard, rows, undefined) });
      expect(plain.beyondRounding).toBeGreaterThan(1);
    });
  });

  it("tell a message of other samples, and one of another teacher", async () => {
    await afterRun(smallSpec(), async ({ cluster, verify, predict }) => {
      const log = await cluster.labelLog();
      const [[subject, bytes], [other, foreign]] = [...(await cluster.labels())] as [
        [string, Uint8Array],
        [string, Uint8Array],
      ];
      const labels = decode(Labels, bytes, "labels");
      await log.purge(subject);
      await log.append(subject, encode(Labels, { ...labels, rowsDigest: "0".repeat(32) }));
      const payload = new Uint8Array(decode(Labels, foreign, "labels").payload.length);
      await log.purge(other);
      await log.append(other, encode(Labels, { ...decode(Labels, foreign, "labels"), payload }));
      const found = await verify();
      expect(found.samples).toBe(SMALL_ROWS - labels.shape[0]);
      expect(found.wrong).toEqual([
        expect.stringMatching(
          /Cannot use labels at .*, written by node t1, as its rowsDigest must be [0-9a-f]{32}: it is 0{32}/,
        ),
      ]);
      // Zeros where the teacher says something within 6.
      expect(found.beyondRounding).toBeGreaterThan(5);
      const verified = { name: "ada", labelling: "l", encoding: "half" as const, found };
      expect(verdictOf(verified, undefined).verdict).toBe("wrong");
      expect(verifiedLines(verified, undefined)[0]).toContain("ada  WRONG: ");
      expect((await verify({ predict, share: 0.1 })).chunks.checked).toBe(1);
    });
  });

  it("are computed chunk by chunk where features relate to the whole of it, else part by part", async () => {
    const { splits, ...small } = await openDataset(
      smallSpec({}, { train: 4, test: 2, features: 2, classes: 2, validation: 0.5 }).data,
      "",
    );
    // A row of 100,000 logits in float32 is a message: a chunk of 4 rows has four.
    const dataset = { ...small, splits, classes: 100_000 };
    const layout: Pick<FeatureLayout, "of" | "tensor" | "order" | "pool"> = {
      ...{ of: "pool", tensor: [2], order: "nhwc", pool: null },
    };
    const gram: FeatureLayout = { name: "g", form: "gram", shape: [4], ...layout };
    const inner: FeatureLayout = { name: "v", form: "values", shape: [4], ...layout };
    const key = {
      labelling: "1".repeat(32),
      shard: dataset.shards[0]?.hash as string,
      view: PLAIN_VIEW,
      chunk: 0,
    };
    const width = dataset.classes + 4;
    // Logits tell the row, features how many rows were asked for at once.
    const values = (rows: Uint32Array): Float32Array =>
      Float32Array.from({ length: rows.length * width }, (_, i) =>
        i % width < dataset.classes ? ((rows[Math.floor(i / width)] as number) + 1) / 8 : rows.length,
      );
    for (const [feature, calls] of [
      [gram, [4]],
      [inner, [1, 1, 1, 1]],
    ] as const) {
      const bus = createMemoryBus().connect();
      const log = await bus.log(streams.labels.name, streams.labels.filter);
      const row = { encoding: "float32", classes: dataset.classes, features: [feature] } as const;
      const { rows, parts } = chunkLayout({
        shard: dataset.shards[0] as Shard,
        chunkSize: 4,
        chunk: 0,
        ...row,
      });
      expect(parts.length).toBe(4);
      for (const [part, [from, to]] of parts.entries()) {
        const of = { key, part, rows: rows.slice(from, to), layout: row, node: "n1", what: "test" };
        const { subject, data } = labelMessage({ ...of, values: values(of.rows) });
        await log.append(subject, data);
      }
      const asked: number[] = [];
      const found = await verifyLabels({
        ...{ log, dataset, spec: smallSpec({ labels: { encoding: "float32", chunkSize: 4 } }) },
        teacher: { name: "t", labelling: key.labelling, encoding: "float32", features: [feature] },
        ...{ share: 1, seed: 0, temperatures: [1], signal: new AbortController().signal },
        predict: async (_, all) => {
          asked.push(all.length);
          return values(all);
        },
      });
      expect(asked).toEqual(calls);
      expect(found).toMatchObject({
        samples: 4,
        beyondRounding: 0,
        log: { largest: 0 },
        largestLogit: 0.5,
        wrong: [],
      });
      await bus.close();
    }
  });

  it("are told as absent where the log has none", async () => {
    await afterRun(smallSpec(), async ({ cluster, verify }) => {
      await (await cluster.labelLog()).purge("stillhouse.labels.>");
      const found = await verify();
      expect(found.chunks).toEqual({ checked: 0, there: 0, needed: SMALL_CHUNKS });
      expect(verdictOf({ name: "ada", labelling: "", encoding: "half", found }, undefined).verdict).toBe(
        "absent",
      );
    });
  });
});

describe("LabelErrors", () => {
  it("gives means over all logits and all samples, whatever the sizes of its parts", () => {
    const errors = new LabelErrors(2, [1, 2]);
    errors.add(Float32Array.of(1, 0), Float32Array.of(0, 0), Float32Array.of(0.5, 0));
    errors.add(Float32Array.of(3, 4, 0, 0), Float32Array.of(4, 3, 0, 0), Float32Array.of(4, 3, 0, 0));
    const found = errors.found();
    // Differences 1, 0, 1, 1, 0, 0 of the log, and one of 0.5 of the encoding.
    expect(found.log).toEqual({ largest: 1, mean: 0.5 });
    expect(found.rounding).toEqual({ largest: 0.5, mean: 0.5 / 6 });
    expect(found).toMatchObject({ samples: 3, beyondRounding: 1, largestLogit: 4 });
    // Of three samples the first has two equal logits, whose lower class counts, and the second another class.
    expect(found.sameTop).toBeCloseTo(2 / 3, 12);
    // With s the sigmoid: KL of (s(1), s(-1)) from even odds, and of (s(-1), s(1)) from (s(1), s(-1)), which is
    // 2 s(1) - 1, over 3 samples.
    const s = 1 / (1 + Math.exp(-1));
    const first = s * Math.log(2 * s) + (1 - s) * Math.log(2 * (1 - s));
    expect(found.kl[0]?.log).toBeCloseTo((first + 2 * s - 1) / 3, 12);
    const h = 1 / (1 + Math.exp(-0.5));
    const halved = h * Math.log(2 * h) + (1 - h) * Math.log(2 * (1 - h));
    expect(found.kl[1]?.log).toBeCloseTo((halved + (2 * h - 1) / 2) / 3, 12);
    // 1% of the largest logit, and as much again at most for the encoding.
    expect(boundOf(found)).toBeCloseTo(0.08, 12);
  });
});

describe("temperaturesOf()", () => {
  it("gives 1 and those at which terms compare with teachers", () => {
    expect(temperaturesOf(smallSpec())).toEqual([1, 4]);
    const loss = { kind: "kd", temperature: 2, alpha: 0.5 } as const;
    expect(temperaturesOf(smallSpec({ distill: { loss } }))).toEqual([1, 2]);
    const alone = { kind: "label-smoothing", smoothing: 0.1 } as const;
    expect(temperaturesOf(smallSpec({ teachers: [], distill: { loss: alone } }))).toEqual([1]);
  });
});
