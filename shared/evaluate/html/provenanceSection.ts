import { stringify } from "yaml";
import type { AnyReport } from "../taskReportSchema.ts";
import { fixed, whole } from "./format.ts";
import { type Content, html, type Markup } from "./markup.ts";

/** Where the numbers come from: hashes, machine, teachers' identities, and the whole spec. */
export function provenanceSection(report: AnyReport): Markup {
  const { data, bus, machine, backends, ensemble, teachers, student } = report;
  const { train, validation, test } = data.samples;
  const weights = ensemble?.weights.map((weight) => fixed(weight, 3)).join(", ");
  return html`<section>
<h2>Provenance</h2>
<dl class="facts">
${fact("Run", html`<code>${report.run}</code>`)}
${fact("Spec", html`<code>${report.specHash}</code>`)}
${fact("Data", html`${data.name} <code>${data.hash}</code>`)}
${fact("Samples", `${whole(train)} train, ${whole(validation)} validation, ${whole(test)} test`)}
${fact("Reads of the test split", whole(report.testReads))}
${fact("Student, first seed", html`<code>${student.weightsHash}</code>`)}
${fact("Ensemble", ensemble ? `${ensemble.rule}, weights ${weights}, best teacher ${ensemble.bestTeacher}` : "none: the student has no teachers")}
${fact("Bus", bus.note ? `${bus.kind}: ${bus.note}` : bus.kind)}
${fact("Backends", backends.join(", "))}
${fact("Machine", `${machine.platform} ${machine.arch}, ${machine.cpus} cores, Node.js ${machine.node}`)}
</dl>
<h3>Teachers</h3>
<div class="wide"><table>
<thead><tr><th>Name</th><th>Source</th><th>Output</th><th>Identity</th><th>Labelling</th></tr></thead>
<tbody>
${teachers.map(
  (
    one,
  ) => html`<tr><td class="name">${one.name}</td><td>${one.source}</td><td>${outputOf(report, one.outputWasProbabilities)}</td><td><code>${one.identity.slice(0, 16)}</code></td><td><code>${one.labelling.slice(0, 16)}</code></td></tr>
`,
)}
</tbody></table></div>
<h3>What computed their labels</h3>
<div class="wide"><table>
<thead><tr><th>Teacher</th><th>Backend</th><th>Threads</th><th>Machine</th><th>Largest difference</th></tr></thead>
<tbody>
${teachers.flatMap(({ name, computers }) =>
  computers.map(
    (
      one,
    ) => html`<tr><td class="name">${name}</td><td>${one.backend} ${one.version}</td><td>${whole(one.threads)}</td><td>${one.machine}</td><td>${one.difference === 0 ? "none" : one.difference.toPrecision(2)}</td></tr>
`,
  ),
)}
</tbody></table></div>
<h3>Spec, with its defaults</h3>
<pre>${stringify(report.spec ?? null).trimEnd()}</pre>
</section>`;
}

function outputOf(report: AnyReport, wasProbabilities: boolean): string {
  if ("task" in report && report.task === "regression") return "values";
  return wasProbabilities ? "probabilities" : "logits";
}

function fact(title: string, value: Content): Markup {
  return html`<dt>${title}</dt><dd>${value}</dd>
`;
}
