import { describe, expect, it } from "vitest";
import { assembleReport } from "../../shared/evaluate/assembleReport.ts";
import { ReportError } from "../../shared/evaluate/errors.ts";
import { Report } from "../../shared/evaluate/reportSchema.ts";
import { reportInput, seedResult } from "./reportInput.ts";

const noWarnings: string[] = [];
const warningsOf = (about: Parameters<typeof reportInput>[0]) => assembleReport(reportInput(about)).warnings;

describe("a report of three seeds", () => {
  const report = assembleReport(reportInput());

  it("holds means and deviations over seeds", () => {
    // Students .9812 .9820 .9809: mean .981367, deviation sqrt((.000167^2 + .000633^2 + .000467^2) / 2) = .000569.
    expect(report.student.accuracy).toBeCloseTo(0.9813667, 6);
    expect(report.student.deviation).toBeCloseTo(0.000569, 6);
    expect(report.baseline?.accuracy).toBeCloseTo(0.9771667, 6);
    expect(report.baseline?.nll).toBeCloseTo((0.0931 + 0.0911 + 0.0944) / 3, 12);
  });

  it("holds the paired difference, its interval and the verdict", () => {
    // Differences .0044 .0039 .0043: mean .0042, deviation .00026458, half 4.30265 * .00026458 / sqrt(3) = .00065726.
    expect(report.difference?.mean).toBeCloseTo(0.0042, 12);
    expect(report.difference?.interval95?.[0]).toBeCloseTo(0.00354274, 7);
    expect(report.difference?.interval95?.[1]).toBeCloseTo(0.00485726, 7);
    expect(report.difference?.perSeed).toHaveLength(3);
    expect(report.verdict).toBe("helped");
  });

  it("holds retention and the gap recovered", () => {
    expect(report.retention).toBeCloseTo(0.9813667 / 0.9881, 6);
    expect(report.gapRecovered).toBeCloseTo(0.0042 / (0.9881 - 0.9771667), 5);
  });

  it("names the best teacher, the first seed's weights and each seed's McNemar test", () => {
    expect(report.ensemble?.bestTeacher).toBe("wide-a");
    expect(report.student.weightsHash).toBe(report.seeds[0]?.student.weightsHash);
    // (|96 - 52| - 1)^2 / 148
    expect(report.seeds[0]?.mcnemar?.chi2).toBeCloseTo(43 ** 2 / 148, 10);
  });

  it("holds the same of each other student of the run", () => {
    const input = reportInput();
    const { student, seeds } = input;
    const one = seeds.slice(0, 1);
    const { moreStudents, ...report } = assembleReport({
      ...input,
      moreStudents: [
        { name: "same", student, seeds },
        { name: "short", student, seeds: one },
      ],
    });
    const plain = assembleReport(input);
    expect(report).toEqual(plain);
    const { baseline, difference, retention, gapRecovered, verdict, verdictReason } = plain;
    expect(moreStudents?.[0]).toEqual({
      name: "same",
      student: plain.student,
      seeds: plain.seeds,
      ...{ baseline, difference, retention, gapRecovered, verdict, verdictReason },
    });
    expect(moreStudents?.[1]).toMatchObject({
      name: "short",
      student: { accuracy: one[0]?.student.accuracy, deviation: null },
      verdict: "not shown",
    });
  });

  it("has nothing to warn of, and survives JSON", () => {
    expect(report.warnings).toEqual(noWarnings);
    expect(Report.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });
});

describe("a report without students alone", () => {
  const seeds = reportInput().seeds.map((one) => ({ ...one, baseline: null, discordant: null }));
  const report = assembleReport(reportInput({ seeds }));

  it("leaves out what they are needed for, and says that the effect is unknown", () => {
    const { baseline, difference, gapRecovered, verdict } = report;
    expect({ baseline, difference, gapRecovered }).toEqual({
      baseline: null,
      difference: null,
      gapRecovered: null,
    });
    expect(verdict).toBe("not shown");
    expect(report.warnings).toEqual([expect.stringContaining("effect of distillation is unknown")]);
  });
});

describe("a report warns", () => {
  const { teachers, ensemble, seeds } = reportInput();

  it("of an ensemble that is not better than its best teacher", () => {
    const found = warningsOf({ ensemble: { ...ensemble, accuracy: 0.9861 } });
    expect(found).toEqual([expect.stringMatching(/ensemble \(98.61%\) .* best teacher wide-a \(98.61%\)/)]);
  });

  it("not of a single teacher, which is the ensemble", () => {
    const only = teachers.slice(0, 1);
    expect(warningsOf({ teachers: only, ensemble: { ...ensemble, weights: [1], accuracy: 0.9861 } })).toEqual(
      noWarnings,
    );
  });

  it("of a teacher that is surer of the data it was trained on than of other data", () => {
    const [first, ...others] = teachers;
    if (!first) throw new Error("there is a teacher");
    const onValidation = {
      samples: 6000,
      known: 6000,
      trueClassProbability: 0.93,
      accuracy: 0.95,
      entropy: 0.2,
    };
    const memorised = { ...first, quality: { ...first.quality, validation: onValidation } };
    expect(warningsOf({ teachers: [memorised, ...others] })).toEqual([
      expect.stringMatching(
        /wide-a is surer of the training split \(true class at 99.10%.* than of validation \(true class at 93.00%.*crossFit/,
      ),
    ]);
  });

  it("not of a teacher that has seen few of the samples which it labels", () => {
    const onTransfer = {
      samples: 54_000,
      known: 1000,
      trueClassProbability: 0.995,
      accuracy: 1,
      entropy: 0.1,
    };
    const onValidation = {
      samples: 6000,
      known: 6000,
      trueClassProbability: 0.93,
      accuracy: 0.95,
      entropy: 0.1,
    };
    const all = teachers.map((one) => ({
      ...one,
      quality: { transfer: onTransfer, validation: onValidation },
    }));
    expect(warningsOf({ teachers: all })).toEqual(noWarnings);
  });

  it("not of such a difference where so few samples may show it by chance", () => {
    // 1.5 / sqrt(400) = 0.075, and the difference is 0.061.
    const few = { samples: 400, known: 400, trueClassProbability: 0.93, accuracy: 0.95, entropy: 0.2 };
    const all = teachers.map((one) => ({ ...one, quality: { ...one.quality, validation: few } }));
    expect(warningsOf({ teachers: all })).toEqual(noWarnings);
  });

  it("of labels that were read where they hold no tail, or that give classes no probability", () => {
    const [first, ...others] = teachers;
    if (!first) throw new Error("there is a teacher");
    const about = { encoding: "top-k 2 at T 1, 4", bytesPerSample: 14, samples: 64 };
    const one = { temperature: 1, declared: true, kl: 0.012, reverseKl: 0.02 };
    const approximated = {
      ...first,
      storage: { ...about, read: [one, { temperature: 2.5, declared: false, kl: 0.034, reverseKl: 0.05 }] },
    };
    expect(warningsOf({ teachers: [approximated, ...others] })).toEqual([
      expect.stringMatching(
        /wide-a \(top-k 2 at T 1, 4\) were read at temperatures for which they hold no tail.* 0\.034 nats at T = 2\.5 from what it said, and 0\.012 nats at T = 1 where they hold it/,
      ),
    ]);
    const sparse = { ...first, storage: { ...about, read: [{ ...one, kl: null }] } };
    expect(warningsOf({ teachers: [sparse, ...others] })).toEqual([
      expect.stringMatching(/wide-a .*give classes that they do not hold no probability/),
    ]);
  });

  it("of labels that nodes with other bits computed", () => {
    const [first, ...others] = teachers;
    if (!first) throw new Error("there is a teacher");
    const guest = {
      backend: "cpu",
      version: "4.22.0",
      threads: 1,
      machine: "darwin arm64, M1",
      difference: 3.1e-6,
    };
    const mixed = { ...first, computers: [...first.computers, guest] };
    expect(warningsOf({ teachers: [mixed, ...others] })).toEqual([
      expect.stringMatching(/teacher wide-a .* differ by up to 0.0000031/),
    ]);
  });

  it("of an ensemble that is not better than the student alone", () => {
    const weak = teachers.map((one) => ({ ...one, accuracy: 0.9 }));
    const report = assembleReport(reportInput({ teachers: weak, ensemble: { ...ensemble, accuracy: 0.95 } }));
    expect(report.warnings).toEqual([expect.stringMatching(/95.00%.*student alone \(97.72%\)/)]);
    expect(report.gapRecovered).toBeNull();
  });

  it("of probabilities that were made logits", () => {
    const floored = teachers.map((one, i) => ({ ...one, outputWasProbabilities: i === 1 }));
    expect(warningsOf({ teachers: floored })).toEqual([expect.stringMatching(/wide-b gives probabilities/)]);
  });

  it("of labels that were kept in memory, with the reason", () => {
    const found = warningsOf({ bus: { kind: "memory", note: "no NATS server was found" } });
    expect(found).toEqual([expect.stringMatching(/memory of one process \(no NATS server was found\)/)]);
  });

  it("of too few seeds", () => {
    expect(warningsOf({ seeds: seeds.slice(0, 1) })).toEqual([expect.stringContaining("Only one seed")]);
    expect(warningsOf({ seeds: seeds.slice(0, 2) })).toEqual([expect.stringContaining("Only two seeds")]);
  });

  it("of a test split that was read more than once", () => {
    expect(warningsOf({ testReads: 2 })).toEqual([expect.stringContaining("read 2 times")]);
  });

  it("of what the run itself saw, first", () => {
    expect(warningsOf({ warnings: ["A teacher node was slow."], testReads: 2 })[0]).toBe(
      "A teacher node was slow.",
    );
  });
});

describe("a report is refused", () => {
  it("when only some seeds have a student alone", () => {
    const seeds = reportInput().seeds.map((one) => (one.seed === 2 ? { ...one, baseline: null } : one));
    expect(() => assembleReport(reportInput({ seeds }))).toThrow(/missing for seed 2/);
  });

  it("when a number is none, with the place", () => {
    const seeds = [
      { seed: 1, student: seedResult(0.9, { nll: Number.NaN }), baseline: null, discordant: null },
    ];
    const act = () => assembleReport(reportInput({ seeds }));
    expect(act).toThrow(ReportError);
    expect(act).toThrow(/seeds\.0\.student\.nll/);
  });

  it("without seeds, or with an ensemble of no teachers", () => {
    expect(() => assembleReport(reportInput({ seeds: [] }))).toThrow(/at least one seed/);
    expect(() => assembleReport(reportInput({ teachers: [] }))).toThrow(/an ensemble of no teachers/);
  });

  it("when it holds a key that the schema does not know, at the top or deep inside", () => {
    const report = assembleReport(reportInput());
    expect(Report.safeParse({ ...report, extra: 1 }).success).toBe(false);
    expect(Report.safeParse({ ...report, student: { ...report.student, extra: 1 } }).success).toBe(false);
    expect(Report.safeParse(report).success).toBe(true);
  });
});
