import type { Report } from "../reportSchema.ts";
import { fixed, milliseconds, percent, points, short, signedPoints } from "./format.ts";
import { type Content, html, type Markup } from "./markup.ts";

const titles = {
  helped: "Distillation helped",
  harmed: "Distillation harmed",
  "not shown": "An effect of distillation is not shown",
} as const;

/** The verdict in plain words, the numbers behind it, and what to know before trusting them. */
export function verdictSection(report: Report): Markup {
  return html`<section class="verdict ${report.verdict.replace(" ", "-")}">
<h2>${titles[report.verdict]}</h2>
<p>${verdictSentence(report)}</p>
</section>
${tiles(report)}
${warnings(report)}`;
}

/** One sentence with the difference, its interval, the seeds and what follows. */
export function verdictSentence({ difference, verdict, seeds, student, ensemble }: Report): string {
  const many = seeds.length > 1;
  const who = ensemble ? "that learnt from the ensemble" : "that had no teachers";
  const known = ensemble?.accuracy ?? null;
  const reached = `reach${many ? "" : "es"} ${percent(student.accuracy)}${known === null ? "" : `, the ensemble ${percent(known)}`}`;
  if (difference === null) {
    return `The student${many ? "s" : ""} ${who} ${reached}; no student was trained alone, so it is not known what the ${ensemble ? "teachers" : "other terms"} added.`;
  }
  const compared = `The student${many ? "s" : ""} ${who} ${many ? "are" : "is"} ${howMuch(difference.mean)} the same student${many ? "s" : ""} alone`;
  if (difference.interval95 === null) {
    return `${compared}, in a single seed: that may be chance, and an effect is not shown.`;
  }
  const [low, high] = difference.interval95;
  if (verdict === "not shown") {
    return `${compared}, but the 95% interval from ${signedPoints(low)} to ${signedPoints(high)} (${seeds.length} seeds) holds 0: an effect is not shown.`;
  }
  // Both ends are on the side of the mean, so their size is said, in rising order.
  const [near, far] = verdict === "helped" ? [low, high] : [-high, -low];
  return `${compared} (95% interval ${points(near)} to ${points(far)}, ${seeds.length} seeds): distillation ${verdict}.`;
}

function howMuch(difference: number): string {
  if (difference === 0) return "as good as";
  return `${points(Math.abs(difference))} points ${difference > 0 ? "better" : "worse"} than`;
}

function tiles({
  student,
  baseline,
  ensemble,
  difference,
  gapRecovered,
  retention,
  teachers,
  seeds,
}: Report) {
  const deviation = (value: number | null) =>
    value === null ? "one seed" : `\u00b1 ${points(value)} over ${seeds.length} seeds`;
  const parameters = teachers.reduce((sum, one) => sum + one.parameters, 0);
  const { latencyMs } = student;
  // Of labels from elsewhere nobody knows the model.
  const known = teachers.every((one) => one.source !== "imported");
  const smaller = known && student.parameters > 0 ? parameters / student.parameters : 0;
  return html`<dl class="tiles">
${tile("Student", percent(student.accuracy), deviation(student.deviation), "student")}
${baseline && tile("Student alone", percent(baseline.accuracy), deviation(baseline.deviation), "alone")}
${ensemble && tile("Ensemble", ensemble.accuracy === null ? "\u2013" : percent(ensemble.accuracy), teachers.length === 1 ? "one teacher" : `${teachers.length} teachers, ${ensemble.rule}`, "ensemble")}
${difference && tile("Difference", signedPoints(difference.mean), "points, student less alone", "")}
${gapRecovered !== null && difference !== null ? tile("Gap recovered", percent(gapRecovered, 0), "of the way from alone to ensemble", "") : null}
${retention !== null ? tile("Retention", percent(retention, 1), "of the ensemble\u2019s accuracy", "") : null}
${smaller > 0 ? tile("Size", smaller >= 1 ? `1/${fixed(smaller, smaller < 10 ? 1 : 0)}` : `${fixed(1 / smaller, 1)}\u00d7`, `of the ensemble\u2019s ${short(parameters)} parameters`, "") : null}
${latencyMs && tile("One prediction", milliseconds(latencyMs.batch1.p50), `median, on ${latencyMs.backend}`, "")}
</dl>`;
}

function tile(title: string, value: string, detail: Content, kind: string): Markup {
  return html`<div class="${kind}"><dt>${title}</dt><dd>${value}<small>${detail}</small></dd></div>`;
}

function warnings({ warnings: found }: Report): Markup | null {
  if (found.length === 0) return null;
  return html`<section class="warnings">
<h3>Before you trust these numbers</h3>
<ul>${found.map((one) => html`<li>${one}</li>`)}</ul>
</section>`;
}
