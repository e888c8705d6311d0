import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { reportsOfOneLog } from "../helpers/sharedLog.ts";
import { SMALL_ROWS, smallSpec, trainedTeacher, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles();
});
afterAll(() => files.remove());

/** Two teachers, of which the second has seen its data ten times as often. */
function spec(about: Parameters<typeof smallSpec>[0]): RunSpec {
  const bea = trainedTeacher("bea", 1) as { train: object };
  return smallSpec(
    {
      teachers: [
        trainedTeacher("ada"),
        { ...bea, train: { epochs: 20, batch: 32 } } as typeof bea & { name: string },
      ],
      ...about,
    } as Parameters<typeof smallSpec>[0],
    { validation: 0.4 },
  );
}

const reportsOf = (...specs: RunSpec[]): Promise<Report[]> =>
  reportsOfOneLog(files.dir, specs, (cluster, spec, run) => cluster.run(spec, run));

describe("an ensemble rule", () => {
  const rules = ["arithmetic", "geometric", "entropy", "ca-mkd", "ae-kd", "vote", "rank", "random"] as const;

  it("gives weights of its own from one and the same label log, and the same again", async () => {
    const specs = rules.map((rule) => spec({ ensemble: { rule } }));
    const reports = await reportsOf(...specs, ...specs);
    const hashes = reports.map(({ student }) => student.weightsHash);
    expect(new Set(hashes.slice(0, rules.length)).size).toBe(rules.length);
    expect(hashes.slice(rules.length)).toEqual(hashes.slice(0, rules.length));
    expect(reports.map(({ teacherPasses }) => teacherPasses.made)).toEqual([
      2 * SMALL_ROWS,
      ...new Array<number>(2 * rules.length - 1).fill(0),
    ]);
    const answers = Object.fromEntries(
      reports.map(({ ensemble }) => [`${ensemble?.rule}`, ensemble?.answersBy]),
    );
    expect(answers).toMatchObject({
      "ca-mkd": "arithmetic",
      "ae-kd": "arithmetic",
      random: "arithmetic",
      vote: "vote",
    });
  });
});

describe("weights from validation", () => {
  it("are the teachers' accuracies on its second half, and their log odds", async () => {
    const [equal, accuracy, odds] = (await reportsOf(
      spec({}),
      spec({ ensemble: { weights: "accuracy" } }),
      spec({ ensemble: { weights: "log-odds" } }),
    )) as [Report, Report, Report];
    expect(equal.ensemble?.weights).toEqual([0.5, 0.5]);
    const [a, b] = (accuracy.ensemble?.weights ?? []) as [number, number];
    // 80 samples of validation, 40 a half: each accuracy is a number of fortieths, and the second teacher's is higher.
    expect(b).toBeGreaterThan(a);
    expect(a + b).toBeCloseTo(1, 12);
    const [c, d] = (odds.ensemble?.weights ?? []) as [number, number];
    expect(d / c).toBeGreaterThan(b / a);
    expect(new Set([equal, accuracy, odds].map((report) => report.student.weightsHash)).size).toBe(3);
  });
});

describe("calibration", () => {
  it("finds a temperature for each teacher, and makes the ensemble's likelihood no worse", async () => {
    const [plain, calibrated] = (await reportsOf(spec({}), spec({ ensemble: { calibrate: true } }))) as [
      Report,
      Report,
    ];
    expect(plain.ensemble?.temperatures).toEqual([1, 1]);
    const [hurried, settled] = (calibrated.ensemble?.temperatures ?? []) as [number, number];
    // Two epochs leave the first near chance: most of what its logits say is noise, to be toned down.
    expect(hurried).toBeGreaterThan(2);
    expect(hurried).toBeGreaterThan(settled);
    expect(settled).not.toBe(1);
    expect(calibrated.ensemble?.nll as number).toBeLessThan(plain.ensemble?.nll as number);
    expect(calibrated.student.weightsHash).not.toBe(plain.student.weightsHash);
  });
});
