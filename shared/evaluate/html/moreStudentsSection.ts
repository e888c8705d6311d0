import { differenceText, scoreText } from "../scoreText.ts";
import { type AnyReport, isTaskReport } from "../taskReportSchema.ts";
import { milliseconds, percent, short, signedPoints } from "./format.ts";
import { html, type Markup } from "./markup.ts";

/** Of one student what the table shows, as text. */
interface Row {
  readonly name: string;
  readonly own: string;
  readonly alone: string | null;
  readonly difference: string | null;
  readonly parameters: number;
  readonly latencyMs: number | null;
  readonly verdict: string;
}

/** All students of a run side by side; nothing for a run of one. */
export function moreStudentsSection(report: AnyReport): Markup | null {
  if (!report.moreStudents) return null;
  const rows = isTaskReport(report) ? taskRows(report) : accuracyRows(report);
  const dash = "\u2013";
  return html`<section>
<h2>All students</h2>
<p class="note">Trained from the same labels. The rest of this page is about the first.</p>
<div class="wide"><table>
<thead><tr><th>Student</th><th>With teachers</th><th>Alone</th><th>Difference</th><th>Parameters</th><th>One prediction</th><th>Teachers</th></tr></thead>
<tbody>
${rows.map(
  ({
    name,
    own,
    alone,
    difference,
    parameters,
    latencyMs,
    verdict,
  }) => html`<tr><td class="name">${name}</td><td>${own}</td><td>${alone ?? dash}</td>
<td>${difference ?? dash}</td><td>${short(parameters)}</td><td>${latencyMs === null ? dash : milliseconds(latencyMs)}</td><td>${verdict}</td></tr>
`,
)}
</tbody></table></div>
<p class="note">Means over seeds; differences with their 95% intervals over seeds. Students that differ by their loss alone share one student alone.</p>
</section>`;
}

function accuracyRows(report: Exclude<AnyReport, { task: string }>): Row[] {
  return [{ ...report, name: "student" }, ...(report.moreStudents ?? [])].map((one) => ({
    ...common(one),
    own: percent(one.student.accuracy),
    alone: one.baseline && percent(one.baseline.accuracy),
    difference: one.difference && withInterval(one.difference, signedPoints),
  }));
}

function taskRows(report: Extract<AnyReport, { task: string }>): Row[] {
  const { score } = report;
  return [{ ...report, name: "student" }, ...(report.moreStudents ?? [])].map((one) => ({
    ...common(one),
    own: scoreText(score, one.student.score),
    alone: one.baseline && scoreText(score, one.baseline.score),
    difference: one.difference && withInterval(one.difference, (of) => differenceText(score, of)),
  }));
}

function common({
  name,
  student: { parameters, latencyMs },
  verdict,
}: Pick<AnyReport, "name" | "verdict"> & Pick<AnyReport, "student">) {
  return { name, parameters, latencyMs: latencyMs?.batch1.p50 ?? null, verdict };
}

function withInterval(
  { mean, interval95 }: NonNullable<AnyReport["difference"]>,
  text: (value: number) => string,
): string {
  return interval95 ? `${text(mean)} (${text(interval95[0])} to ${text(interval95[1])})` : text(mean);
}
