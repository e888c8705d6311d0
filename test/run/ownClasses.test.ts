import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { halfValues } from "../../shared/labels/half.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { fileTeacher, smallSpec, trainedTeacher, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

/** Two teachers of three classes each, of which they share the middle two; no label reaches the student. */
function specBy(rule: RunSpec["ensemble"]["rule"], ...sets: number[][]): RunSpec {
  return smallSpec(
    {
      teachers: sets.map((classes, k) => ({
        ...(trainedTeacher(["ada", "bea"][k] as string, k) as { name: string; model: object }),
        train: { epochs: 15, batch: 32, seed: k, optimizer: { kind: "adam", lr: 0.01 } },
        classes,
      })) as RunSpec["teachers"],
      ensemble: { rule },
      distill: { loss: { kind: "kd", temperature: 2, alpha: 1 } },
      student: {
        model: { arch: "mlp", hidden: [16] },
        train: { epochs: 25, batch: 32, optimizer: { kind: "adam", lr: 0.01 } },
      },
    },
    { noise: 0.3, train: 400, test: 200 },
  );
}

async function runOf(spec: RunSpec): Promise<{ report: Report; labels: Labels[] }> {
  const found: { report?: Report; labels: Labels[] } = { labels: [] };
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1", { real: true });
    cluster.student("s1");
    found.report = await cluster.run(spec);
    found.labels = [...(await cluster.labels())].map(([subject, data]) => decode(Labels, data, subject));
  });
  return found as { report: Report; labels: Labels[] };
}

describe("two teachers that know overlapping parts of the classes", () => {
  it.each(["own-classes", "bridge"] as const)("teach a student all of them, by %s", async (rule) => {
    const { report, labels } = await runOf(specBy(rule, [0, 1, 2], [1, 2, 3]));
    const [student] = report.seeds;
    expect(report.student.accuracy).toBeGreaterThan(0.9);
    for (const share of student?.student.perClassAccuracy ?? []) expect(share).toBeGreaterThan(0.7);
    // Each is judged on three of four classes, and the ensemble of both on all.
    const judged = report.teachers.map(({ testSamples }) => testSamples);
    for (const samples of judged) expect(samples).toBeLessThan(200);
    expect((judged[0] as number) + (judged[1] as number)).toBeGreaterThan(200);
    for (const { accuracy } of report.teachers) expect(accuracy).toBeGreaterThan(0.9);
    expect(report.ensemble).toMatchObject({ answersBy: "bridge", testSamples: 200 });
    expect(report.ensemble?.accuracy).toBeGreaterThan(0.9);
    const { perClass } = report.ensemble?.disagreement ?? { perClass: [] };
    expect(perClass.map((one) => one === null)).toEqual([true, false, false, true]);
    for (const { transfer } of report.teachers.map(({ quality }) => quality)) {
      expect(transfer.samples).toBeLessThan(360);
      expect(transfer.accuracy).toBeGreaterThan(0.9);
    }
    // On the wire a row has all classes, and the lowest half-precision number at the one that is not known.
    const [ada] = report.teachers;
    for (const { labelling, shape, payload } of labels) {
      expect(shape[1]).toBe(4);
      const at = (c: number): number =>
        halfValues[(payload[2 * c + 1] as number) * 256 + (payload[2 * c] as number)] as number;
      const unknown = labelling === ada?.labelling ? 3 : 0;
      expect([0, 1, 2, 3].map((c) => at(c) === -65504)).toEqual([0, 1, 2, 3].map((c) => c === unknown));
    }
  });

  it("that share none teach each its own, and answer nothing together", async () => {
    const { report } = await runOf(specBy("own-classes", [0, 1], [2, 3]));
    expect(report.ensemble).toMatchObject({ accuracy: null, testSamples: 0, disagreement: null });
    expect(report.retention).toBeNull();
    // Within each half the student tells the classes apart, or it would be at one in four.
    expect(report.student.accuracy).toBeGreaterThan(0.4);
  });
});

it("a teacher that knows other classes is another one", async () => {
  const identities: (string | undefined)[] = [];
  for (const classes of [undefined, [0, 1, 2], [2, 1, 0]]) {
    await withCluster(files.dir, async (cluster) => {
      const teacher = { ...fileTeacher("ada"), ...(classes && { classes }) } as RunSpec["teachers"][number];
      cluster.coordinator(smallSpec({ teachers: [teacher], ensemble: { rule: "own-classes" } }));
      await cluster.until(async () => (await cluster.runState()) === "distilling");
      identities.push((await cluster.record()).teachers[0]?.ready?.identity);
    });
  }
  expect(new Set(identities).size).toBe(3);
});
