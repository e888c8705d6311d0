import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import { openDataset } from "../../shared/data/open.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { parseLabelsSubject } from "../../shared/protocol/subjects.ts";
import type { AroundPrediction } from "../helpers/computes.ts";
import { type Cluster, type StartedTeacher, withCluster } from "../helpers/inProcessRun.ts";
import { labelsByRow, npzOf } from "../helpers/labelsOfLog.ts";
import {
  fileTeacher,
  SMALL_ROWS,
  smallSpec,
  trainedTeacher,
  writeTeacherFiles,
} from "../helpers/smallRun.ts";

type Written = NonNullable<Parameters<typeof smallSpec>[0]>;
type Encoding = NonNullable<NonNullable<Written["labels"]>["encoding"]>;

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada", "bea");
});
afterAll(() => files.remove());

const stored = (
  encoding: Encoding,
  about: Written = {},
  data: Parameters<typeof smallSpec>[1] = {},
): RunSpec => smallSpec({ ...about, labels: { chunkSize: 32, encoding } }, data);

const top2 = { kind: "top-k", k: 2 } as const;
const draws = { kind: "sampled", draws: 16 } as const;

const optimizer = { kind: "adam", lr: 0.02 } as const;
/** A teacher that has learnt its data. */
const taught = (name: string, seed = 0) =>
  ({
    ...(trainedTeacher(name, seed) as object),
    name,
    train: { epochs: 20, batch: 32, seed, optimizer },
  }) as NonNullable<Written["teachers"]>[number];

describe("a run whose labels are stored as", () => {
  const about: Written = {
    teachers: [taught("ada")],
    student: { model: { arch: "mlp", hidden: [8] }, train: { epochs: 20, batch: 32, optimizer } },
    distill: { loss: { kind: "kd", temperature: 2, alpha: 1 } },
  };
  // Of 4 classes: float32 low and step and a byte each; 2 classes of a byte and a half, and the tails at T = 1 and 2; of
  // 16 draws at most 4 distinct classes of a byte, a count and a half.
  it.each([
    ["int8", "int8", 8 + 4],
    ["the two largest logits", top2, 2 * (1 + 2) + 2 * 4],
    // The set of 2 of 4: 2 low bits, 2 ones, 2 steps and 1 in a byte; the range, a byte each, the tails.
    ["the two largest, packed", { ...top2, packed: true }, 1 + 4 + 2 + 2 * 4],
    ["the two largest and a ghost", { ...top2, tail: "ghost" }, 2 * (1 + 2) + 2 * 4],
    ["the two largest alone", { ...top2, tail: "renormalised" }, 2 * (1 + 2) + 2 * 4],
    ["random draws", draws, 4 * (1 + 2 + 2)],
  ] as [string, Encoding, number][])(
    "%s has labels of that size, and a student that learns from them",
    async (_, encoding, bytes) => {
      await withCluster(files.dir, async (cluster) => {
        cluster.teacher("t1", { real: true });
        cluster.student("s1");
        const report = await cluster.run(stored(encoding, about, { train: 400 }));
        for (const message of (await cluster.labels()).values()) {
          const { shape, payload } = decode(Labels, message, "labels");
          expect(payload.byteLength).toBe(shape[0] * bytes);
        }
        expect(report.teachers[0]?.storage.bytesPerSample).toBe(bytes);
        const { curve } = report.seeds[0]?.student ?? {};
        expect(curve?.at(-1)?.trainLoss).toBeLessThan(0.7 * (curve?.[0]?.trainLoss as number));
        expect(report.seeds[0]?.student.agreementWithEnsemble).toBeGreaterThan(0.8);
        // Chance is 1/4.
        expect(report.student.accuracy).toBeGreaterThan(0.5);
      });
    },
  );
});

describe("teachers of different encodings", () => {
  const spec = smallSpec({
    teachers: [
      { ...fileTeacher("ada"), encoding: { ...top2, temperatures: [1, 4] } },
      { ...fileTeacher("bea"), encoding: draws },
      { ...fileTeacher("ada"), name: "exact", encoding: "float32" },
    ],
    distill: {
      terms: [
        { kind: "kl", temperature: 4 },
        { kind: "kl", teacher: "exact", temperature: 2 },
      ],
    },
    ensemble: { weights: [1, 1, 2] },
    labels: { chunkSize: 32, encoding: "int8" },
  });

  it("teach together, each read as it is stored", async () => {
    await withCluster(files.dir, async (cluster) => {
      const teacher = cluster.teacher("t1");
      cluster.student("s1");
      // Temperatures that one teacher lacks are asked of it by a term that listens to all.
      const report = await cluster.run(spec);
      expect(teacher.compute.rowsPredicted).toBe(3 * SMALL_ROWS);
      expect(report.teachers.map(({ storage }) => [storage.encoding, storage.bytesPerSample])).toEqual([
        ["top-k 2 at T 1, 4", 2 * 3 + 2 * 4],
        ["16 draws at T 1", 4 * 5],
        ["float32", 16],
      ]);
      const temperatures = report.teachers.map(({ storage }) => storage.read.map((one) => one.temperature));
      expect(temperatures).toEqual([
        [1, 4],
        [1, 4],
        [1, 2, 4],
      ]);
      const exact = report.teachers[2]?.storage.read.map(({ kl }) => kl);
      expect(exact).toEqual([0, 0, 0]);
    });
  });
});

describe("what is stored of every class", () => {
  const about = (encoding: Encoding): RunSpec =>
    stored(encoding, { teachers: [fileTeacher("ada"), fileTeacher("bea")] });

  it.each([
    ["top-k of all classes", { kind: "top-k", k: 9 }],
    ["int8", "int8"],
    ["half", "half"],
  ] as [string, Encoding][])("in %s teaches as float32 does, up to rounding", async (_, encoding) => {
    const reports: Report[] = [];
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      for (const one of [encoding, "float32"] as const) {
        reports.push(await cluster.run(about(one), one === encoding ? "rounded" : "exact"));
      }
    });
    const [rounded, exact] = reports as [Report, Report];
    // Logits within plus and minus 6: half rounds differences up to 12 by 2^-8, and 256 levels of 12 by 0.024.
    const bound = encoding === "int8" ? 2e-4 : 2e-5;
    for (const { storage } of rounded.teachers) {
      for (const { kl } of storage.read) expect(kl).toBeLessThan(bound);
    }
    const losses = ({ seeds }: Report) => seeds[0]?.student.curve.map((point) => point.trainLoss) ?? [];
    losses(exact).forEach((loss, epoch) => {
      expect(Math.abs((losses(rounded)[epoch] as number) - loss)).toBeLessThan(2e-3 * loss);
    });
  });
});

describe("two runs", () => {
  const listed = { kind: "top-k" as const, k: 2, temperatures: [2, 4] };
  const two = { teachers: [fileTeacher("ada"), fileTeacher("bea")] };
  const kd = (temperature: number): Written => ({ distill: { loss: { kind: "kd", temperature } } });

  it.each<[string, RunSpec, RunSpec]>([
    ["how the tail is read", stored(listed, two), stored({ ...listed, tail: "renormalised" }, two)],
    [
      "what is done at other temperatures",
      stored(listed, two),
      stored({ ...listed, undeclared: "uniform" }, { ...two, ensemble: { calibrate: true } }),
    ],
    ["their seeds", stored(draws, two), stored(draws, { ...two, seed: 4, seeds: [7] })],
    [
      "a temperature that labels hold",
      stored(listed, { ...two, ...kd(4) }),
      stored(listed, { ...two, ...kd(2) }),
    ],
    [
      "who says how they are stored",
      stored("int8", two),
      stored("half", { teachers: two.teachers.map((one) => ({ ...one, encoding: "int8" as const })) }),
    ],
  ])("that differ in %s share every pass", async (_, first, second) => {
    expect(await passesAfter(first, second)).toEqual({ made: 0, saved: 2 * SMALL_ROWS, own: 0 });
  });

  it.each<[string, RunSpec, RunSpec]>([
    ["k", stored({ ...listed, k: 3 }, two), stored(listed, two)],
    ["their temperatures", stored(top2, { ...two, ...kd(4) }), stored(top2, { ...two, ...kd(2) })],
    ["the number of draws", stored(draws, two), stored({ ...draws, draws: 8 }, two)],
    ["the kind", stored("half", two), stored("int8", two)],
  ])("that differ in %s share none", async (_, first, second) => {
    expect(await passesAfter(first, second)).toEqual({
      made: 2 * SMALL_ROWS,
      saved: 0,
      own: 2 * SMALL_ROWS,
    });
  });
});

/** Runs `first`, then `second` with a fresh teacher node; what the second run cost. */
async function passesAfter(
  first: RunSpec,
  second: RunSpec,
): Promise<{ made: number; saved: number; own: number }> {
  let cost = { made: -1, saved: -1, own: -1 };
  await withCluster(files.dir, async (cluster) => {
    cluster.student("s1");
    const before = cluster.teacher("before");
    await cluster.run(first, "first");
    expect(before.compute.rowsPredicted).toBe(2 * SMALL_ROWS);
    await before.stop();
    const fresh = cluster.teacher("fresh");
    const { teacherPasses } = await cluster.run(second, "second");
    cost = { ...teacherPasses, own: fresh.compute.rowsPredicted };
  });
  return cost;
}

describe("random draws", () => {
  const spec = stored(draws);
  /** What the log holds of each chunk, whoever wrote it. */
  const payloads = async (cluster: Cluster): Promise<Map<string, string>> =>
    new Map(
      [...(await cluster.labels())].map(([subject, message]) => [
        subject,
        Buffer.from(decode(Labels, message, subject).payload).toString("hex"),
      ]),
    );

  it("are the same whoever labels, and whoever is killed at it", async () => {
    const runs: { weights: string; labels: Map<string, string> }[] = [];
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("alone");
      cluster.student("s1");
      const { student } = await cluster.run(spec);
      runs.push({ weights: student.weightsHash, labels: await payloads(cluster) });
    });
    await withCluster(files.dir, async (cluster) => {
      const around: AroundPrediction = async ({ index }, predict) => {
        if (index === 2) victim.kill();
        return predict();
      };
      const victim: StartedTeacher = cluster.teacher("victim", { around });
      const others = [cluster.teacher("t2"), cluster.teacher("t3")];
      cluster.student("s1");
      const { student } = await cluster.run(spec);
      runs.push({ weights: student.weightsHash, labels: await payloads(cluster) });
      for (const { compute } of others) expect(compute.rowsPredicted).toBeGreaterThan(0);
    });
    const [alone, many] = runs as [(typeof runs)[0], (typeof runs)[0]];
    expect(many.labels).toEqual(alone.labels);
    expect(many.weights).toBe(alone.weights);
  });

  it("are of each sample its own", async () => {
    await withCluster(files.dir, async (cluster) => {
      // A teacher that says the same of every sample.
      cluster.teacher("t1", {
        around: async (_, predict) => (await predict()).map((_, i) => (i % 4) / 4),
      });
      cluster.student("s1");
      await cluster.run(spec);
      const rows = [...(await payloads(cluster)).values()].flatMap((hex) => hex.match(/.{40}/g) ?? []);
      expect(rows.length).toBe(SMALL_ROWS);
      // 16 draws of 4 classes of nearly equal chance come in 969 ways, some hundred of which are likely.
      expect(new Set(rows).size).toBeGreaterThan(50);
    });
  });
});

describe("a temperature that labels hold no tail of", () => {
  it("is approximated on request, and the report says how far off that is", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const cooled = { kind: "kl", temperature: 4, cooling: { to: 1, epochs: 2 } } as const;
      const report = await cluster.run(
        stored({ ...top2, undeclared: "uniform" }, { distill: { terms: [cooled] } }),
      );
      const read = report.teachers[0]?.storage.read ?? [];
      expect(read.map(({ temperature, declared }) => [temperature, declared])).toEqual([
        [1, true],
        [2.5, false],
        [4, true],
      ]);
      const [one, middle, four] = read.map(({ kl }) => kl as number) as [number, number, number];
      expect(one).toBeGreaterThan(0);
      expect(four).toBeGreaterThan(0);
      const warning = report.warnings.find((text) => text.includes("hold no tail"));
      expect(warning).toContain("Labels of teacher ada (top-k 2 at T 1, 4) were read at temperatures");
      expect(warning).toContain(`${middle.toPrecision(2)} nats at T = 2.5`);
    });
  });
});

describe("labels from a file", () => {
  it("are stored as the run asks, and what that loses is measured on the file", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const exact = stored("float32");
      await cluster.run(exact, "exact");
      const dataset = await openDataset(exact.data, files.dir);
      const said = labelsByRow((await cluster.labels()).values(), dataset, 32);
      await writeFile(join(files.dir, "said.npz"), npzOf(said));
      const labels: Written = { teachers: [{ name: "gpt", labels: { path: "said.npz" } }] };
      const report = await cluster.run(stored(top2, labels), "imported");
      const live = await cluster.run(stored(top2), "live");
      expect(report.teacherPasses).toEqual({ made: 0, saved: 0 });
      expect(report.student.weightsHash).toBe(live.student.weightsHash);
      expect(report.teachers[0]?.storage).toEqual(live.teachers[0]?.storage);
      const { identity } = report.teachers[0] as { identity: string };
      const named: Written = { teachers: [{ name: "gpt", labels: { identity } }] };
      const refused = cluster.run(stored(draws, named), "refused");
      await expect(refused).rejects.toThrow(
        /memory has them as top-k 2 at T 1, 4 in chunks of 32 alone, and the run needs 16 draws at T 1 in chunks of 32/,
      );
    });
  });
});

describe("views of samples", () => {
  it("are stored and drawn each by itself, and one spec gives one student", async () => {
    const views = { count: 2, recipe: [{ kind: "noise", deviation: 0.5 }] } satisfies Written["views"];
    const hashes: string[] = [];
    for (const nodes of [1, 2]) {
      await withCluster(files.dir, async (cluster) => {
        const constant: AroundPrediction = async (_, predict) =>
          (await predict()).map((_value, i) => (i % 4) / 4);
        for (let node = 0; node < nodes; node++) cluster.teacher(`t${node}`, { around: constant });
        cluster.student("s1");
        const report = await cluster.run(stored(draws, { views }));
        hashes.push(report.student.weightsHash);
        const said = new Map<string, Set<string>>();
        for (const [subject, message] of await cluster.labels()) {
          const { view, shard, chunk } = parseLabelsSubject(subject);
          const { payload } = decode(Labels, message, subject);
          const ofChunk = said.get(`${shard} ${chunk}`) ?? new Set();
          said.set(`${shard} ${chunk}`, ofChunk.add(`${view} ${Buffer.from(payload).toString("hex")}`));
        }
        // The teacher says the same of both views, and what is drawn of 32 samples differs.
        const both = [...said.values()].filter(({ size }) => size === 2);
        expect(both).toHaveLength(7);
        for (const of of both) expect(new Set([...of].map((one) => one.split(" ")[1])).size).toBe(2);
      });
    }
    expect(hashes[1]).toBe(hashes[0]);
  });
});
