import type { Report } from "../reportSchema.ts";
import { classDeltas, classPlot, MAX_CLASSES_SHOWN, shownDeltas } from "./classPlot.ts";
import { signedPoints, whole } from "./format.ts";
import { html, type Markup } from "./markup.ts";
import { plotSvg } from "./plot.ts";

/** What distillation did to each class; an average can hide a class that got worse. */
export async function classSection(report: Report): Promise<Markup | null> {
  const deltas = classDeltas(report);
  const [first, ...others] = deltas;
  if (!first) return null;
  const worst = others.reduce((a, b) => (b.delta < a.delta ? b : a), first);
  const best = others.reduce((a, b) => (b.delta > a.delta ? b : a), first);
  const plot = await plotSvg("classes", "Change in accuracy of each class", classPlot(shownDeltas(deltas)));
  const some =
    deltas.length > MAX_CLASSES_SHOWN
      ? ` Of ${whole(deltas.length)} classes the ${MAX_CLASSES_SHOWN / 2} lowest and the ${MAX_CLASSES_SHOWN / 2} highest are shown.`
      : "";
  const dots = report.seeds.length > 1 ? " Rings are single seeds." : "";
  return html`<section>
<h2>Classes</h2>
<p>Most gained: class ${best.class}, ${signedPoints(best.delta / 100)} points. Least: class ${worst.class}, ${signedPoints(worst.delta / 100)} points.</p>
<figure>${plot}
<figcaption>Accuracy of the student less that of the student alone, mean over seeds.${dots}${some}</figcaption>
</figure>
</section>`;
}
