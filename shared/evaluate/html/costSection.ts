import type { AnyReport } from "../taskReportSchema.ts";
import { bytes, duration, percent, whole } from "./format.ts";
import { html, type Markup } from "./markup.ts";
import { phasePlot } from "./phasePlot.ts";
import { plotSvg } from "./plot.ts";

/** Time by phase, teacher passes, bytes, and which node did how much. */
export async function costSection(report: AnyReport): Promise<Markup> {
  const { teacherPasses: passes, bytesPerSampleOnTheWire, labelLog, totalSeconds } = report;
  const again = labelLog.readAgain;
  const spec = phasePlot(report);
  const plot = spec && (await plotSvg("phases", "Time of each phase", spec));
  const all = passes.made + passes.saved;
  const savedShare = all > 0 ? ` (${percent(passes.saved / all, 0)})` : "";
  return html`<section>
<h2>Cost</h2>
<dl class="facts">
<dt>Whole run</dt><dd>${duration(totalSeconds)}</dd>
<dt>Teacher passes made</dt><dd>${whole(passes.made)} samples</dd>
<dt>Teacher passes saved</dt><dd>${whole(passes.saved)} samples${savedShare}: their labels were in the log already</dd>
<dt>Labels on the wire</dt><dd>${bytes(bytesPerSampleOnTheWire)} a sample and teacher</dd>
<dt>Label log</dt><dd>${bytes(labelLog.bytes)} in ${whole(labelLog.messages)} messages</dd>
${again ? html`<dt>Labels read again</dt><dd>${bytes(again.bytes)} in ${whole(again.messages)} messages, beyond student.labelStoreBytes</dd>` : null}
</dl>
${
  plot &&
  html`<h3>Time by phase</h3>
<figure>${plot}<figcaption>Phases may overlap: their sum may exceed the whole.</figcaption></figure>`
}
${nodes(report)}
</section>`;
}

function nodes({ teacherNodes }: AnyReport): Markup | null {
  if (teacherNodes.length === 0) return null;
  const total = teacherNodes.reduce((sum, one) => sum + one.samplesPredicted, 0);
  return html`<h3>Teacher nodes</h3>
<div class="wide"><table>
<thead><tr><th>Node</th><th>Samples predicted</th><th>Share</th><th>Chunks</th></tr></thead>
<tbody>
${teacherNodes.map(
  (
    one,
  ) => html`<tr><td class="name">${one.node}</td><td>${whole(one.samplesPredicted)}</td><td>${total > 0 ? percent(one.samplesPredicted / total, 0) : "\u2013"}</td><td>${whole(one.chunks)}</td></tr>
`,
)}
</tbody></table></div>`;
}
