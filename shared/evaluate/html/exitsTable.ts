import type { Report } from "../reportSchema.ts";
import { percent, signedPoints } from "./format.ts";
import { html, type Markup } from "./markup.ts";

/** How good each early exit is beside the whole student; null where there is none. */
export function exitsTable({ seeds }: Pick<Report, "seeds">): Markup | null {
  const rows = seeds.flatMap(({ seed, student }) =>
    (student.exits ?? []).map(
      ({
        layer,
        accuracy,
      }) => html`<tr><td>${seed}</td><td><code>${layer}</code></td><td>${percent(accuracy)}</td><td>${signedPoints(accuracy - student.accuracy)}</td></tr>
`,
    ),
  );
  if (rows.length === 0) return null;
  return html`<div class="wide"><table>
<thead><tr><th>Seed</th><th>Early exit after</th><th>Accuracy</th><th>Against the student</th></tr></thead>
<tbody>
${rows}
</tbody></table></div>
<p class="note">Early exits are trained with the student, whose accuracy is that of its last layer, and are not exported.</p>
`;
}
