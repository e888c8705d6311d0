import type { LabelQuality, Report } from "../reportSchema.ts";
import { accuracyPlot } from "./accuracyPlot.ts";
import { disagreementFigure } from "./disagreementFigure.ts";
import { bytes, duration, fixed, milliseconds, percent, points, short, whole } from "./format.ts";
import { type Content, html, type Markup } from "./markup.ts";
import { plotSvg } from "./plot.ts";

/** Teachers, ensemble, student alone and student: a plot of accuracies and a table. */
export async function modelsSection(report: Report): Promise<Markup> {
  const { data, seeds, ensemble } = report;
  const plot = await plotSvg("accuracy", "Test accuracy of every model", accuracyPlot(report));
  const students =
    seeds.length > 1
      ? `for students over ${seeds.length} seeds (Student\u2019s t). Rings: single seeds.`
      : "for students none, as there is one seed.";
  return html`<section>
<h2>Models</h2>
<p class="note">On ${whole(data.samples.test)} test samples of ${data.name}, ${whole(data.classes)} classes.</p>
<figure>${plot}
<figcaption>Lines: 95% intervals, ${ensemble ? "for teachers and ensemble over the test samples (Wilson), " : ""}${students}</figcaption>
</figure>
${table(report)}
${latency(report)}
${await labels(report)}
</section>`;
}

function table({ teachers, ensemble, baseline, student, seeds }: Report): Markup {
  const trained = (list: readonly { readonly seconds: number }[]) =>
    `${duration(list.reduce((sum, one) => sum + one.seconds, 0) / list.length)} each`;
  const size = { parameters: student.parameters, bytes: student.bytes };
  // Of labels from elsewhere nobody knows the model.
  const known = teachers.every((one) => one.source !== "imported");
  const total = {
    parameters: known ? teachers.reduce((sum, one) => sum + one.parameters, 0) : 0,
    bytes: teachers.reduce((sum, one) => sum + one.bytes, 0),
  };
  const alone = seeds.flatMap((one) => (one.baseline ? [one.baseline] : []));
  return html`<div class="wide"><table>
<thead><tr><th>Model</th><th>Accuracy</th><th>NLL</th><th>ECE</th><th>Parameters</th><th>Size</th><th>Training</th></tr></thead>
<tbody>
${teachers.map((one) => row("teacher", one.name, one, one, one.trainSeconds === null ? one.source : duration(one.trainSeconds)))}
${ensemble && row("ensemble", "Ensemble", ensemble, total, "")}
${baseline && row("alone", "Student alone", baseline, size, trained(alone))}
${row("student", "Student", student, size, trained(seeds.map((one) => one.student)), "strong")}
</tbody></table></div>
<p class="note">NLL: negative log-likelihood in nats a sample; ECE: expected calibration error over 15 bins; both are better when lower.</p>`;
}

interface Measured {
  readonly accuracy: number | null;
  readonly nll: number | null;
  readonly ece: number | null;
  readonly deviation?: number | null;
}

/** A dash for what was not measured. */
function shown(value: number | null, text: (value: number) => string): string {
  return value === null ? "\u2013" : text(value);
}

function row(
  kind: string,
  name: string,
  measured: Measured,
  size: { readonly parameters: number; readonly bytes: number },
  training: Content,
  weight = "",
): Markup {
  const { deviation } = measured;
  const spread = typeof deviation === "number" ? html` <small>\u00b1 ${points(deviation)}</small>` : null;
  return html`<tr class="${weight}"><td class="name"><span class="swatch ${kind}"></span>${name}</td><td>${shown(measured.accuracy, percent)}${spread}</td><td>${shown(measured.nll, (nll) => fixed(nll, 4))}</td><td>${shown(measured.ece, percent)}</td><td>${size.parameters > 0 ? short(size.parameters) : "\u2013"}</td><td>${bytes(size.bytes)}</td><td>${training}</td></tr>
`;
}

async function labels(report: Report): Promise<Markup | null> {
  const { teachers } = report;
  if (teachers.length === 0) return null;
  const share = (value: number | null): string => (value === null ? "" : percent(value));
  const cells = ({ trueClassProbability, accuracy, entropy }: LabelQuality): Markup =>
    html`<td>${share(trueClassProbability)}</td><td>${share(accuracy)}</td><td>${entropy === null ? "" : fixed(entropy, 3)}</td>`;
  return html`<h3>The teachers' labels</h3>
<div class="wide"><table>
<thead><tr><th>Teacher</th><th>Train: true class</th><th>Right</th><th>Entropy</th><th>Validation: true class</th><th>Right</th><th>Entropy</th></tr></thead>
<tbody>
${teachers.map(
  ({
    name,
    quality: { transfer, validation },
  }) => html`<tr><td class="name">${name}</td>${cells(transfer)}${cells(validation)}</tr>
`,
)}
</tbody></table></div>
${await disagreementFigure(report)}<p class="note">True class: its mean probability at temperature 1; entropy in nats. A teacher that is much surer of the data it was trained on tells little of it beyond the label.</p>
${storage(report)}`;
}

/** How labels are stored, and how far what students read is from what the teachers said. */
function storage({ teachers }: Report): Markup {
  const nats = (value: number | null): string => (value === null ? "\u221e" : value.toExponential(1));
  const rows = teachers.flatMap(({ name, storage: { encoding, bytesPerSample, samples, read } }) =>
    (samples > 0 ? read : [null]).map((one, i) => {
      const first = i === 0;
      const cells = one
        ? html`<td>${Number(one.temperature.toPrecision(4))}${one.declared ? "" : "*"}</td><td>${nats(one.kl)}</td><td>${nats(one.reverseKl)}</td>`
        : html`<td></td><td>\u2013</td><td>\u2013</td>`;
      return html`<tr><td class="name">${first ? name : ""}</td><td>${first ? encoding : ""}</td><td>${first ? whole(bytesPerSample) : ""}</td>${cells}</tr>
`;
    }),
  );
  const approximated = teachers.some((one) => one.storage.read.some(({ declared }) => !declared));
  return html`<h3>How they are stored</h3>
<div class="wide"><table>
<thead><tr><th>Teacher</th><th>Encoding</th><th>Bytes a sample</th><th>Read at T</th><th>KL from what it said</th><th>Reverse</th></tr></thead>
<tbody>
${rows}
</tbody></table></div>
<p class="note">KL(teacher, read) and KL(read, teacher) in nats, on the teacher's answers to the probe; \u221e: classes that are not stored count as impossible.${approximated ? " *: a temperature whose tail is not stored." : ""}</p>`;
}

function latency({ student: { latencyMs } }: Report): Markup | null {
  if (latencyMs === null) return null;
  const { batch1, perSampleAtBatch, backend } = latencyMs;
  return html`<p>One prediction of the student takes ${milliseconds(batch1.p50)} (median; 99th percentile ${milliseconds(batch1.p99)}) alone, and ${milliseconds(perSampleAtBatch.ms)} a sample in batches of ${whole(perSampleAtBatch.batch)}, on ${backend}.</p>`;
}
