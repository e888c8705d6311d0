import { mean } from "../intervals.ts";
import type { Report, SeedResult } from "../reportSchema.ts";
import { fixed, percent } from "./format.ts";
import { html, type Markup } from "./markup.ts";

type Measure = (result: SeedResult) => number | null;

const rows: readonly { title: string; of: Measure; show: (value: number) => string }[] = [
  { title: "Same class as the ensemble", of: (r) => r.agreementWithEnsemble, show: percent },
  { title: "\u2026 where the ensemble is right", of: (r) => r.agreementWhereEnsembleRight, show: percent },
  {
    title: "\u2026 where the ensemble is wrong (errors copied)",
    of: (r) => r.agreementWhereEnsembleWrong,
    show: percent,
  },
  { title: "KL from the ensemble, nats a sample", of: (r) => r.klToEnsemble, show: (v) => fixed(v, 4) },
];

/** How far the student follows the ensemble, in its errors too; means over seeds. */
export function copiedSection({ seeds, baseline }: Report): Markup {
  const students = seeds.map((one) => one.student);
  const alone = seeds.flatMap((one) => (one.baseline ? [one.baseline] : []));
  return html`<section>
<h2>What was copied</h2>
<div class="wide"><table>
<thead><tr><th>On the test split, mean over seeds</th><th>Student</th>${baseline && html`<th>Student alone</th>`}</tr></thead>
<tbody>
${rows.map(
  ({
    title,
    of,
    show,
  }) => html`<tr><td class="name">${title}</td><td>${shown(students, of, show)}</td>${baseline && html`<td>${shown(alone, of, show)}</td>`}</tr>
`,
)}
</tbody></table></div>
</section>`;
}

/** The mean over the seeds that have the value. */
function shown(results: readonly SeedResult[], of: Measure, show: (value: number) => string): string {
  const values = results.map(of).filter((value) => value !== null);
  return values.length === 0 ? "\u2013" : show(mean(values));
}
