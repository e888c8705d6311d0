import type { Report, SeedResult } from "../reportSchema.ts";
import { fixed, percent, whole } from "./format.ts";
import { html, type Markup } from "./markup.ts";

/** By how much `student.correctBias` raised which bias; null where it was not asked for. */
export function biasTable({ seeds }: Pick<Report, "seeds">): Markup | null {
  const rows = seeds.flatMap(({ seed, student, baseline }) =>
    (student.correctedBias ?? []).map(
      (
        one,
        i,
      ) => html`<tr><td>${seed}</td><td>${whole(one.class)}</td>${cells(one)}${cells(baseline?.correctedBias?.[i])}</tr>
`,
    ),
  );
  if (rows.length === 0) return null;
  return html`<div class="wide"><table>
<thead><tr><th>Seed</th><th>Class</th><th>Student: bias raised by</th><th>Validation then</th><th>Alone: bias raised by</th><th>Validation then</th></tr></thead>
<tbody>
${rows}
</tbody></table></div>
<p class="note">After the training, the biases of these classes were raised one after the other, each by what gave the best validation accuracy. All other numbers here are of the corrected models.</p>
`;
}

function cells(found: NonNullable<SeedResult["correctedBias"]>[number] | undefined): Markup {
  if (!found) return html`<td>\u2013</td><td>\u2013</td>`;
  return html`<td>${fixed(found.added, 2)}</td><td>${percent(found.validationAccuracy)}</td>`;
}
