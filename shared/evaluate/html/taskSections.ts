import { differenceText, differenceUnit, scoreText } from "../scoreText.ts";
import type { TaskMetrics, TaskReport } from "../taskReportSchema.ts";
import { bytes, duration, fixed, milliseconds, pValue, short, whole } from "./format.ts";
import { type Content, html, type Markup } from "./markup.ts";
import { plotSvg } from "./plot.ts";
import { taskCurvesPlot } from "./taskCurvesPlot.ts";

const titles = {
  helped: "Distillation helped",
  harmed: "Distillation harmed",
  "not shown": "An effect of distillation is not shown",
} as const;

/** What a page shows of a report whose task is not classification, down to the costs. */
export async function taskSections(report: TaskReport): Promise<Markup> {
  const curves = taskCurvesPlot(report);
  return html`${verdict(report)}
${models(report)}
${parts(report)}
${seedBySeed(report)}
${
  curves &&
  html`<section>
<h2>Learning curves</h2>
<ul class="key"><li><span class="swatch student"></span>Student</li>${report.baseline && html`<li><span class="swatch alone"></span>Student alone</li>`}</ul>
<figure>${await plotSvg("curves", `Validation ${report.score.name} by epoch`, curves)}
<figcaption>Epochs are counted from 1; ${report.score.better} is better.</figcaption></figure>
</section>`
}`;
}

function verdict(report: TaskReport): Markup {
  const { score, student, baseline, ensemble, difference, gapRecovered, teachers, warnings } = report;
  const shown = (value: number): string => scoreText(score, value);
  const spread = (deviation: number | null): string =>
    deviation === null
      ? "one seed"
      : `\u00b1 ${differenceText(score, deviation).replace("+", "")} over ${report.seeds.length} seeds`;
  const latency = student.latencyMs;
  return html`<section class="verdict ${report.verdict.replace(" ", "-")}">
<h2>${titles[report.verdict]}</h2>
<p>${report.verdictReason}</p>
</section>
<dl class="tiles">
${tile("Student", shown(student.score), spread(student.deviation), "student")}
${baseline && tile("Student alone", shown(baseline.score), spread(baseline.deviation), "alone")}
${tile("Ensemble", shown(ensemble.score), teachers.length === 1 ? "one teacher" : `${teachers.length} teachers, ${ensemble.rule}`, "ensemble")}
${difference && tile("Difference", differenceText(score, difference.mean), `${differenceUnit(score)}, student less alone`, "")}
${gapRecovered === null ? null : tile("Gap recovered", `${(100 * gapRecovered).toFixed(0)}%`, "of the way from alone to ensemble", "")}
${latency && tile("One prediction", milliseconds(latency.batch1.p50), `median, on ${latency.backend}`, "")}
</dl>
${
  warnings.length > 0
    ? html`<section class="warnings">
<h3>Before you trust these numbers</h3>
<ul>${warnings.map((one) => html`<li>${one}</li>`)}</ul>
</section>`
    : null
}`;
}

function tile(title: string, value: string, detail: Content, kind: string): Markup {
  return html`<div class="${kind}"><dt>${title}</dt><dd>${value}<small>${detail}</small></dd></div>`;
}

interface Column {
  readonly title: string;
  of(metrics: TaskMetrics): number | null;
}

const columns: Readonly<Record<TaskReport["task"], readonly Column[]>> = {
  "multi-label": [
    { title: "mAP", of: (m) => ("macroF1" in m ? m.meanAveragePrecision : null) },
    { title: "Macro F1", of: (m) => ("macroF1" in m ? m.macroF1 : null) },
    { title: "Micro F1", of: (m) => ("macroF1" in m ? m.microF1 : null) },
    { title: "Exact match", of: (m) => ("macroF1" in m ? m.exactMatch : null) },
    { title: "Hamming", of: (m) => ("macroF1" in m ? m.hammingAccuracy : null) },
    { title: "BCE", of: (m) => ("macroF1" in m ? m.binaryCrossEntropy : null) },
  ],
  regression: [
    { title: "RMSE", of: (m) => ("rmse" in m ? m.rmse : null) },
    { title: "MAE", of: (m) => ("rmse" in m ? m.mae : null) },
    { title: "R\u00b2", of: (m) => ("rmse" in m ? m.r2 : null) },
  ],
};

/** The mean over seeds of what every seed has. */
function meanOf(all: readonly TaskMetrics[], { of }: Column): number | null {
  const values = all.map(of).filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}

function models({ task, data, teachers, ensemble, student, seeds, score }: TaskReport): Markup {
  const shown = columns[task];
  const cell = (value: number | null): Markup =>
    html`<td>${value === null ? "\u2013" : fixed(value, 4)}</td>`;
  const row = (kind: string, name: string, metrics: readonly TaskMetrics[], more: Content, weight = "") =>
    html`<tr class="${weight}"><td class="name"><span class="swatch ${kind}"></span>${name}</td>${shown.map((column) => cell(meanOf(metrics, column)))}${more}</tr>
`;
  const size = (of: { parameters: number; bytes: number }, training: string): Markup =>
    html`<td>${of.parameters > 0 ? short(of.parameters) : "\u2013"}</td><td>${bytes(of.bytes)}</td><td>${training}</td>`;
  const alone = seeds.flatMap(({ baseline }) => (baseline ? [baseline] : []));
  const each = (all: readonly { seconds: number }[]): string =>
    `${duration(all.reduce((sum, { seconds }) => sum + seconds, 0) / all.length)} each`;
  const own = seeds.map((one) => one.student);
  return html`<section>
<h2>Models</h2>
<p class="note">On ${whole(data.samples.test)} test samples of ${data.name}, ${whole(data.outputs)} ${task === "regression" ? "outputs" : "classes"}; students: mean over seeds.${score.unit === "" ? "" : ` RMSE and MAE are over all outputs, in the data\u2019s units; the score is ${score.name} in ${score.unit}.`}</p>
<div class="wide"><table>
<thead><tr><th>Model</th>${shown.map(({ title }) => html`<th>${title}</th>`)}<th>Parameters</th><th>Size</th><th>Training</th></tr></thead>
<tbody>
${teachers.map((one) => row("teacher", one.name, [one.metrics], size(one, one.trainSeconds === null ? one.source : duration(one.trainSeconds))))}
${row("ensemble", "Ensemble", [ensemble.metrics], html`<td></td><td></td><td></td>`)}
${
  alone.length > 0
    ? row(
        "alone",
        "Student alone",
        alone.map(({ metrics }) => metrics),
        size(student, each(alone)),
      )
    : null
}
${row(
  "student",
  "Student",
  own.map(({ metrics }) => metrics),
  size(student, each(own)),
  "strong",
)}
</tbody></table></div>
<h3>The teachers\u2019 labels</h3>
<div class="wide"><table>
<thead><tr><th>Teacher</th><th>Train: ${score.name}</th><th>Validation: ${score.name}</th></tr></thead>
<tbody>
${teachers.map(
  ({ name, quality: { transfer, validation } }) =>
    html`<tr><td class="name">${name}</td><td>${transfer === null ? "\u2013" : scoreText(score, transfer)}</td><td>${validation === null ? "\u2013" : scoreText(score, validation)}</td></tr>
`,
)}
</tbody></table></div>
<p class="note">A teacher that is much better on the data it was trained on tells little of it beyond the targets.</p>
</section>`;
}

/** The most classes or outputs that a table shows. */
const MOST_ROWS = 100;

/** Each class or output by itself: the first seed's student, the student alone, and the ensemble. */
function parts({ task, ensemble, seeds, data }: TaskReport): Markup {
  const [first] = seeds;
  const models = [
    { title: "Ensemble", metrics: ensemble.metrics },
    ...(first?.baseline ? [{ title: "Student alone", metrics: first.baseline.metrics }] : []),
    ...(first ? [{ title: "Student", metrics: first.student.metrics }] : []),
  ];
  const numbers = (metrics: TaskMetrics, place: number): (number | null)[] => {
    if ("perClass" in metrics) {
      const of = metrics.perClass[place];
      return [of?.averagePrecision ?? null, of?.f1 ?? null];
    }
    const of = metrics.perOutput[place];
    return [of?.rmse ?? null, of?.mae ?? null, of?.r2 ?? null];
  };
  const names = task === "regression" ? ["RMSE", "MAE", "R\u00b2"] : ["AP", "F1"];
  const what = task === "regression" ? "Output" : "Class";
  const many = data.outputs > MOST_ROWS ? ` The first ${MOST_ROWS} of ${whole(data.outputs)} are shown.` : "";
  return html`<section>
<h2>${what === "Output" ? "Outputs" : "Classes"}</h2>
<div class="wide"><table>
<thead><tr><th>${what}</th>${models.flatMap(({ title }) => names.map((name) => html`<th>${title}: ${name}</th>`))}</tr></thead>
<tbody>
${Array.from(
  { length: Math.min(MOST_ROWS, data.outputs) },
  (_, place) => html`<tr><td>${place}</td>${models.flatMap(({ metrics }) =>
    numbers(metrics, place).map((value) => html`<td>${value === null ? "\u2013" : fixed(value, 4)}</td>`),
  )}</tr>
`,
)}
</tbody></table></div>
<p class="note">Students of the first seed.${many}</p>
</section>`;
}

function seedBySeed({ seeds, score, difference, task }: TaskReport): Markup {
  const compared = task === "regression" ? "squared error" : "share of right decisions";
  return html`<section>
<h2>Seed by seed</h2>
<p class="note">A student and a student alone of one seed start from the same weights and see the same batches, so that their difference is due to the teachers.</p>
<div class="wide"><table>
<thead><tr><th>Seed</th><th>Student</th><th>Alone</th><th>Difference</th><th>By sample, ${compared}</th><th>p</th><th>Kept epoch</th><th>Weights</th></tr></thead>
<tbody>
${seeds.map(
  (
    { seed, student, baseline, paired },
    i,
  ) => html`<tr><td>${seed}</td><td>${scoreText(score, student.score)}</td>
<td>${baseline ? scoreText(score, baseline.score) : "\u2013"}</td><td>${difference ? differenceText(score, difference.perSeed[i] ?? 0) : "\u2013"}</td>
<td>${paired ? differenceText(score, paired.mean) : "\u2013"}</td><td>${paired && paired.p !== null ? pValue(paired.p) : "\u2013"}</td>
<td>${whole(student.keptEpoch)}</td><td><code>${student.weightsHash.slice(0, 12)}</code></td></tr>
`,
)}
</tbody></table></div>
<p class="note">p is of the paired t test over test samples: it looks at one pair of models on one test set; the verdict looks at the differences over seeds.</p>
</section>`;
}
