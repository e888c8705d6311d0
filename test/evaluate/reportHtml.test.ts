import { describe, expect, it } from "vitest";
import { assembleReport } from "../../shared/evaluate/assembleReport.ts";
import { classDeltas, shownDeltas } from "../../shared/evaluate/html/classPlot.ts";
import { disagreementPlot } from "../../shared/evaluate/html/disagreementFigure.ts";
import { bytes, duration, percent, signedPoints } from "../../shared/evaluate/html/format.ts";
import { html } from "../../shared/evaluate/html/markup.ts";
import { verdictSentence } from "../../shared/evaluate/html/verdictSection.ts";
import { renderReport } from "../../shared/evaluate/reportHtml.ts";
import { reportInput, seedResult } from "./reportInput.ts";

type About = Parameters<typeof reportInput>[0];
const page = (about?: About) => renderReport(assembleReport(reportInput(about)));
const sentence = (about?: About) => verdictSentence(assembleReport(reportInput(about)));

/** Seeds whose students differ from the students alone by these shares. */
function seedsWith(...differences: number[]) {
  return differences.map((d, i) => ({
    seed: i + 1,
    student: seedResult(0.9 + d),
    baseline: seedResult(0.9),
    discordant: null,
  }));
}

describe("the verdict's sentence", () => {
  it("says how much better the students are, the interval, the seeds and what follows", () => {
    expect(sentence()).toBe(
      "The students that learnt from the ensemble are 0.42 points better than the same students alone (95% interval 0.35 to 0.49, 3 seeds): distillation helped.",
    );
  });

  it("says how much worse they are, as positive numbers in rising order", () => {
    // -0.04 -+ 0.024841, as in the tests of the verdict.
    expect(sentence({ seeds: seedsWith(-0.03, -0.04, -0.05) })).toContain(
      "4.00 points worse than the same students alone (95% interval 1.52 to 6.48, 3 seeds): distillation harmed.",
    );
  });

  it("says that an interval that holds 0 shows nothing", () => {
    expect(sentence({ seeds: seedsWith(0.01, 0.02, 0.03) })).toContain(
      "but the 95% interval from \u22120.48 to +4.48 (3 seeds) holds 0: an effect is not shown.",
    );
  });

  it("says that a single seed shows nothing", () => {
    expect(sentence({ seeds: seedsWith(0.02) })).toBe(
      "The student that learnt from the ensemble is 2.00 points better than the same student alone, in a single seed: that may be chance, and an effect is not shown.",
    );
  });

  it("says that nothing was compared without students alone", () => {
    const seeds = seedsWith(0.02, 0.02).map((one) => ({ ...one, baseline: null }));
    expect(sentence({ seeds })).toMatch(/reach 92.00%, the ensemble 98.81%; no student was trained alone/);
  });
});

describe("the page", () => {
  it("holds the verdict, the numbers, the hashes, the warnings and the spec", async () => {
    const text = await page({ warnings: ["A teacher node was slow."] });
    const expected = [
      "Distillation helped",
      "98.14%", // students, mean of .9812 .9820 .9809
      "97.72%", // students alone
      "98.81%", // ensemble
      "38%", // gap recovered, .42 / 1.0933
      "140,000 samples",
      "70,000 samples (33%)",
      "20.7 B a sample and teacher",
      "6b86b273ff34fce19d6b804eff5a3f57",
      "5e884898da28047151d0e56f8dc62927",
      "A teacher node was slow.",
      "temperature: 4",
      "2 min 51 s",
      "wide-b",
      "teacher-2",
    ];
    expect(expected.filter((part) => !text.includes(part))).toEqual([]);
    expect(text.match(/<svg /g)).toHaveLength(5);
  });

  it("shows by how much biases were raised, of student and student alone", async () => {
    const corrected = (added: number, validationAccuracy: number) => [
      { class: 3, added, validationAccuracy },
      { class: 7, added: 0, validationAccuracy },
    ];
    const seeds = seedsWith(0.02).map((one) => ({
      ...one,
      student: seedResult(0.92, { correctedBias: corrected(3.456, 0.9162) }),
      baseline: seedResult(0.9, { correctedBias: corrected(0.5, 0.8931) }),
    }));
    const rows = (await page({ seeds })).match(/<tr><td>1<\/td><td>[37]<\/td>.*<\/tr>/g);
    expect(rows).toEqual([
      "<tr><td>1</td><td>3</td><td>3.46</td><td>91.62%</td><td>0.50</td><td>89.31%</td></tr>",
      "<tr><td>1</td><td>7</td><td>0.00</td><td>91.62%</td><td>0.00</td><td>89.31%</td></tr>",
    ]);
    expect(await page()).not.toContain("bias raised by");
  });

  it("shows early exits beside their student", async () => {
    const exits = [
      { layer: "pool_1", accuracy: 0.75 },
      { layer: "pool_2", accuracy: 0.93 },
    ];
    const seeds = seedsWith(0.02).map((one) => ({ ...one, student: seedResult(0.92, { exits }) }));
    expect((await page({ seeds })).match(/<tr><td>1<\/td><td><code>pool.*<\/tr>/g)).toEqual([
      "<tr><td>1</td><td><code>pool_1</code></td><td>75.00%</td><td>\u221217.00</td></tr>",
      "<tr><td>1</td><td><code>pool_2</code></td><td>93.00%</td><td>+1.00</td></tr>",
    ]);
    expect(await page()).not.toContain("Early exit");
  });

  it("shows all students of a run side by side, where there are several", async () => {
    const input = reportInput();
    const { student, seeds } = input;
    expect(await renderReport(assembleReport(input))).not.toContain("All students");
    const report = assembleReport({
      ...input,
      moreStudents: [{ name: "a<b", student: { ...student, parameters: 1234 }, seeds: seeds.slice(0, 1) }],
    });
    const page = await renderReport(report);
    const section = page.slice(
      page.indexOf("All students"),
      page.indexOf("<h2>", page.indexOf("All students")),
    );
    const [low, high] = report.difference?.interval95 ?? [];
    expect(section).toContain(
      `(${[low, high].map((end) => `+${((end as number) * 100).toFixed(2)}`).join(" to ")})`,
    );
    expect(section).toContain("a&lt;b");
    expect(section).toContain("not shown");
  });

  it("shows labels that were read again, where any were", async () => {
    const readAgain = { bytes: 12 * 2 ** 20, messages: 1_200 };
    const shown = await page({ labelLog: { bytes: 4_000_000, messages: 400, readAgain } });
    expect(shown.match(/<dt>Labels read again.*/g)).toEqual([
      "<dt>Labels read again</dt><dd>12.0 MiB in 1,200 messages, beyond student.labelStoreBytes</dd>",
    ]);
    expect(await page()).not.toContain("Labels read again");
  });

  it("runs no script and refers to nothing outside itself", async () => {
    const text = await page();
    expect(text).not.toMatch(/https?:|<script|<link|<img|<iframe|@import|src=|href=/i);
    expect(text.match(/url\([^)]*\)/g)?.filter((one) => !one.startsWith("url(#")) ?? []).toEqual([]);
  });

  it("has no id twice, and every reference finds its id", async () => {
    const text = await page();
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
    const used = [...text.matchAll(/url\(#([^)]+)\)/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it("shows hostile names as text", async () => {
    const hostile = `"><script>alert('x')</script>&amp;`;
    const { teachers, data } = reportInput();
    const text = await page({
      name: hostile,
      run: hostile,
      data: { ...data, name: hostile },
      bus: { kind: "memory", note: hostile },
      backends: [hostile],
      teachers: teachers.map((one) => ({ ...one, name: hostile, identity: hostile })),
      teacherNodes: [{ node: hostile, samplesPredicted: 1, chunks: 1 }],
      secondsByPhase: { [hostile]: 1 },
      spec: { name: hostile, [hostile]: hostile },
      warnings: [hostile],
    });
    expect(text).not.toMatch(/<script/i);
    expect(text).toContain("<h1>&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;</h1>");
  });

  it("is the same for the same report", async () => {
    expect(await page()).toBe(await page());
  });

  it("leaves out what was not measured", async () => {
    const { student, ensemble } = reportInput();
    const bare = seedsWith(0.02).map((one) => ({
      ...one,
      student: seedResult(0.92, { curve: [], klToEnsemble: null }),
      baseline: null,
    }));
    const text = await page({
      seeds: bare,
      ensemble: { ...ensemble, disagreement: null },
      student: { ...student, latencyMs: null },
      secondsByPhase: {},
      teacherNodes: [],
      teacherPasses: { made: 0, saved: 0 },
    });
    expect(text).not.toMatch(/NaN|undefined|Infinity|null%/);
    expect(text).not.toContain("Learning curves");
    expect(text.match(/<svg /g)).toHaveLength(1);
  });
});

describe("the changes by class", () => {
  const withClasses = (student: (number | null)[], alone: (number | null)[]) => {
    const { data } = reportInput();
    return assembleReport(
      reportInput({
        data: { ...data, classes: student.length },
        seeds: [
          {
            seed: 1,
            student: seedResult(0.9, { perClassAccuracy: student }),
            baseline: seedResult(0.9, { perClassAccuracy: alone }),
            discordant: null,
          },
        ],
      }),
    );
  };

  it("leave out a class without test samples", () => {
    const found = classDeltas(withClasses([0.5, null, 0.75], [0.25, null, 1]));
    expect(found).toEqual([
      { class: 0, delta: 25, perSeed: [25] },
      { class: 2, delta: -25, perSeed: [-25] },
    ]);
  });

  it("of a hundred classes are the twenty lowest and the twenty highest", () => {
    // Class c changes by c / 128 - 1 / 2, exact in binary: classes 0 to 19 lost most, 80 to 99 gained most.
    const student = Array.from({ length: 100 }, (_, c) => c / 128);
    const shown = shownDeltas(classDeltas(withClasses(student, new Array<number>(100).fill(0.5))));
    const expected = Array.from({ length: 40 }, (_, i) => (i < 20 ? i : i + 60));
    expect(shown.map((one) => one.class)).toEqual(expected);
  });
});

describe("numbers on the page", () => {
  it("are short, with a true minus sign and none before a zero", () => {
    expect([percent(0.98214), percent(-0.5, 0)]).toEqual(["98.21%", "\u221250%"]);
    expect([0.0042, -0.0042, -0.000001, 0].map(signedPoints)).toEqual([
      "+0.42",
      "\u22120.42",
      "0.00",
      "0.00",
    ]);
    expect([20, 2048, 5 * 1024 ** 2].map(bytes)).toEqual(["20 B", "2.00 KiB", "5.00 MiB"]);
    expect([0.42, 12.34, 59.99, 245, 7620].map(duration)).toEqual([
      "0.42 s",
      "12.3 s",
      "1 min 00 s",
      "4 min 05 s",
      "2 h 07 min",
    ]);
  });
});

describe("html``", () => {
  it("escapes text, keeps markup and joins lists", () => {
    const inner = html`<b>${"a&b"}</b>`;
    expect(html`<p title="${`"'`}">${[inner, "<", 3, null]}</p>`.text).toBe(
      '<p title="&quot;&#39;"><b>a&amp;b</b>&lt;3</p>',
    );
  });
});

it("a teacher and an ensemble without a labelled test sample have dashes, and the page says what a quorum left out", async () => {
  const { teachers, ensemble } = reportInput();
  const unknown = { accuracy: null, nll: null, ece: null, testSamples: 0 };
  const quorum = {
    chunks: 9,
    belowAll: 5,
    belowQuorum: 2,
    missing: [0, 0.375, 0],
    labelsAlone: 11,
    leftOut: 7,
  };
  const text = await page({
    teachers: teachers.map((one, k) => (k === 1 ? { ...one, ...unknown } : one)),
    ensemble: { ...ensemble, ...unknown, quorum },
  });
  expect(text).not.toMatch(/NaN|undefined|Infinity|null%/);
  expect(text).toContain("5 of 9 chunks were closed without some teacher");
  expect(text).toContain("wide-b is missing in 37.50% of the training samples");
  expect(text).toContain("11 training samples were learnt from their labels alone, and 7 were left out");
  expect(text).not.toContain("is not better than its best teacher");
});

describe("the plot of disagreement over time", () => {
  const point = (mean: number | null) => ({ samples: mean === null ? 0 : 9, mean });

  it("has a point in the middle of each block that two teachers labelled", () => {
    const plot = disagreementPlot([point(0.1), point(null), point(0.3), point(0.2)]);
    expect(plot?.data).toEqual({
      values: [
        { share: 12.5, mean: 0.1 },
        { share: 62.5, mean: 0.3 },
        { share: 87.5, mean: 0.2 },
      ],
    });
  });

  it("is left out where there is no line to draw, and on the page otherwise", async () => {
    expect(disagreementPlot([point(0.1), point(null)])).toBeNull();
    expect(await page()).toContain("in the order in which it was labelled");
  });
});

it("the page says how each teacher's answers are stored, and what that loses at which temperature", async () => {
  const { teachers } = reportInput();
  const storage = {
    encoding: "top-k 2 at T 1, 4",
    bytesPerSample: 14,
    samples: 64,
    read: [
      { temperature: 1, declared: true, kl: 0.0123, reverseKl: 0.02 },
      { temperature: 2.5, declared: false, kl: null, reverseKl: 0.5 },
    ],
  };
  const none = { encoding: "half", bytesPerSample: 20, samples: 0, read: [] };
  const [first, second, ...others] = teachers.map((one) => ({ ...one }));
  if (!first || !second) throw new Error("there are teachers");
  const text = await page({ teachers: [{ ...first, storage }, { ...second, storage: none }, ...others] });
  expect(text).toContain("top-k 2 at T 1, 4</td><td>14</td><td>1</td><td>1.2e-2</td><td>2.0e-2</td>");
  expect(text).toContain("<td>2.5*</td><td>\u221e</td><td>5.0e-1</td>");
  expect(text).toContain("half</td><td>20</td><td></td><td>\u2013</td><td>\u2013</td>");
  expect(text).toContain("*: a temperature whose tail is not stored.");
  expect(await page()).not.toContain("whose tail is not stored");
});
