import type { AnyReport } from "../taskReportSchema.ts";
import { duration } from "./format.ts";
import type { PlotSpec } from "./plot.ts";

/** Seconds of each phase as a bar with its time, in the order of the report. Null without phases. */
export function phasePlot({ secondsByPhase }: Pick<AnyReport, "secondsByPhase">): PlotSpec | null {
  const values = Object.entries(secondsByPhase).map(([phase, seconds]) => ({
    phase,
    seconds,
    text: duration(seconds),
  }));
  if (values.length === 0) return null;
  const y = { field: "phase", type: "nominal", sort: values.map((one) => one.phase), title: null };
  const longest = Math.max(...values.map((one) => one.seconds), 1e-3);
  // Room on the right for the text of the longest bar.
  const scale = { domain: [0, longest * 1.14], nice: false };
  const x = { field: "seconds", type: "quantitative", scale, title: null, axis: null };
  return {
    data: { values },
    height: 30 * values.length,
    layer: [
      {
        mark: { type: "bar", height: { band: 0.6 } },
        encoding: { y, x, color: { value: "var(--student)" } },
      },
      {
        mark: { type: "text", align: "left", dx: 6, fontSize: 12 },
        encoding: {
          y,
          x,
          text: { field: "text", type: "nominal" },
          color: { value: "var(--ink)" },
        },
      },
    ],
  };
}
