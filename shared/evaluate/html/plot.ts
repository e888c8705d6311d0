import type { Config, TopLevelSpec } from "vega-lite";
import { html, type Markup, trusted } from "./markup.ts";

/** A Vega-Lite plot without the parts that all plots of the page share. */
export type PlotSpec = Pick<TopLevelSpec, "data"> & Record<string, unknown>;

/** Width of the page's column, px; a narrower window scales the plot. */
const WIDTH = 892;

const config: Config = {
  aria: false,
  background: "transparent",
  font: "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif",
  view: { stroke: null },
  axis: {
    labelColor: "var(--ink)",
    titleColor: "var(--soft)",
    gridColor: "var(--line)",
    domain: false,
    ticks: false,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
    labelPadding: 6,
    titlePadding: 8,
    labelLimit: 220,
  },
};

/**
 * Draws a plot as an inline SVG that needs no script and takes its colours from the page.
 * @param name of the figure, unique on the page: its ids start with it
 * @param label what a reader who cannot see it should know
 */
export async function plotSvg(name: string, label: string, spec: PlotSpec): Promise<Markup> {
  // Loaded here, so that what only computes metrics does not load the plotting library.
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const whole = { width: WIDTH, autosize: { type: "fit-x", contains: "padding" }, ...spec, config };
  const view = new vega.View(vega.parse(compile(whole as unknown as TopLevelSpec).spec), {
    renderer: "none",
  });
  try {
    vega.resetSVGDefIds();
    return embed(await view.toSVG(), name, label);
  } finally {
    view.finalize();
  }
}

/** Drops the namespaces, which HTML does not need, and makes ids unique on the page. */
function embed(svg: string, name: string, label: string): Markup {
  const inner = svg
    .replace(/^<svg[^>]*?(width="[^"]*") (height="[^"]*") (viewBox="[^"]*")>/, "$1 $2 $3>")
    .replaceAll(/id="([^"]*)"/g, `id="${name}-$1"`)
    .replaceAll(/url\(#([^)]*)\)/g, `url(#${name}-$1)`);
  return trusted(`${html`<svg role="img" aria-label="${label}" `.text}${inner}`);
}
