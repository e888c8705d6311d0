import type { Report } from "../reportSchema.ts";
import { curvesPlot } from "./curvesPlot.ts";
import { html, type Markup } from "./markup.ts";
import { plotSvg } from "./plot.ts";

/** Learning curves, by validation accuracy. */
export async function learningSection(report: Report): Promise<Markup | null> {
  const spec = curvesPlot(report);
  if (spec === null) return null;
  const plot = await plotSvg("curves", "Validation accuracy by epoch, student and student alone", spec);
  const alone = report.baseline && html`<li><span class="swatch alone"></span>Student alone</li>`;
  const caption = report.seeds.length > 1 ? "Thin: each seed. Thick: their mean. " : "";
  return html`<section>
<h2>Learning curves</h2>
<ul class="key"><li><span class="swatch student"></span>Student</li>${alone}</ul>
<figure>${plot}
<figcaption>${caption}Epochs are counted from 1; the first may lie below the axis.</figcaption>
</figure>
</section>`;
}
