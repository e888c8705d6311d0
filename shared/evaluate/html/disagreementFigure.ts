import type { Disagreement, Report } from "../reportSchema.ts";
import { fixed, whole } from "./format.ts";
import { html, type Markup } from "./markup.ts";
import { type PlotSpec, plotSvg } from "./plot.ts";

/** How much the teachers contradict each other: on which class the most, and along the order of labelling. */
export async function disagreementFigure({ ensemble, data }: Report): Promise<Markup | null> {
  const disagreement = ensemble?.disagreement;
  if (!disagreement) return null;
  const { mean, perClass, overTime } = disagreement;
  const most = perClass.reduce<number>(
    (best, value, c) => ((value ?? 0) > (perClass[best] ?? 0) ? c : best),
    0,
  );
  const spec = disagreementPlot(overTime);
  const label = "Disagreement of the teachers along the training split, in the order of labelling";
  const figure =
    spec &&
    html`<figure>${await plotSvg("disagreement", label, spec)}
<figcaption>Disagreement on the training split, in the order in which it was labelled.</figcaption>
</figure>
`;
  return html`<p>The teachers differ by ${fixed(mean, 4)} nats a sample (Jensen-Shannon divergence on validation), the most on class ${whole(most)} of ${whole(data.classes)}: ${fixed(perClass[most] ?? 0, 4)}.</p>
${figure}`;
}

/** A line over the blocks that two teachers labelled; null where there are fewer than two. */
export function disagreementPlot(overTime: Disagreement["overTime"]): PlotSpec | null {
  const values = overTime.flatMap(({ mean }, block) =>
    mean === null ? [] : [{ share: (100 * (block + 0.5)) / overTime.length, mean }],
  );
  if (values.length < 2) return null;
  const x = {
    field: "share",
    type: "quantitative",
    title: "share of the training split, %",
    axis: { grid: false },
    scale: { domain: [0, 100], nice: false },
  };
  const y = { field: "mean", type: "quantitative", title: "nats a sample", scale: { zero: true } };
  return {
    data: { values },
    height: 140,
    layer: [
      {
        mark: { type: "line", strokeWidth: 2, point: { size: 30 } },
        encoding: { x, y, color: { value: "var(--teacher)" } },
      },
    ],
  };
}
