import type { Report } from "../reportSchema.ts";
import { biasTable } from "./biasTable.ts";
import { exitsTable } from "./exitsTable.ts";
import { percent, pValue, signedPoints, whole } from "./format.ts";
import { html, type Markup } from "./markup.ts";

/** Each pair of trainings, and McNemar's test of the two on the same samples. */
export function seedsSection({ seeds, difference }: Report): Markup {
  return html`<section>
<h2>Seed by seed</h2>
<p class="note">A student and a student alone of one seed start from the same weights and see the same batches, so that their difference is due to the teachers.</p>
<div class="wide"><table>
<thead><tr><th>Seed</th><th>Student</th><th>Alone</th><th>Difference</th><th>Only student right</th><th>Only alone right</th><th>McNemar p</th><th>Kept epoch</th><th>Weights</th></tr></thead>
<tbody>
${seeds.map(
  ({ seed, student, baseline, mcnemar }, i) => html`<tr><td>${seed}</td><td>${percent(student.accuracy)}</td>
<td>${baseline ? percent(baseline.accuracy) : "\u2013"}</td><td>${difference ? signedPoints(difference.perSeed[i] ?? 0) : "\u2013"}</td>
<td>${mcnemar ? whole(mcnemar.n10) : "\u2013"}</td><td>${mcnemar ? whole(mcnemar.n01) : "\u2013"}</td><td>${mcnemar ? pValue(mcnemar.midP) : "\u2013"}</td>
<td>${whole(student.keptEpoch)}</td><td><code>${student.weightsHash.slice(0, 12)}</code></td></tr>
`,
)}
</tbody></table></div>
<p class="note">Differences are in accuracy points. McNemar\u2019s p (mid-p) looks at one pair of models on one test set; the verdict looks at the differences over seeds.</p>
${exitsTable({ seeds })}${biasTable({ seeds })}</section>`;
}
