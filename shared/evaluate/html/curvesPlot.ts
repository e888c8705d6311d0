import type { Report, SeedResult } from "../reportSchema.ts";
import { type CurveValue, epochAxis, kindColour, meansByEpoch } from "./curveParts.ts";
import type { PlotSpec } from "./plot.ts";

/** Validation accuracy by epoch: each seed thin, the mean of the seeds thick. Null without any curve. */
export function curvesPlot(report: Report): PlotSpec | null {
  const points = report.seeds.flatMap(({ seed, student, baseline }) => [
    ...pointsOf("student", seed, student),
    ...(baseline ? pointsOf("alone", seed, baseline) : []),
  ]);
  if (points.length === 0) return null;
  const means = meansByEpoch(points);
  const y = {
    field: "value",
    type: "quantitative",
    title: "validation accuracy, %",
    scale: { domain: yDomain(points), nice: false },
  };
  const few = means.length <= 30;
  return {
    data: { values: points },
    height: 300,
    layer: [
      {
        mark: { type: "line", strokeWidth: 1, opacity: 0.45, clip: true },
        encoding: { x: epochAxis, y, color: kindColour, detail: { field: "seed", type: "nominal" } },
      },
      {
        data: { values: means },
        mark: { type: "line", strokeWidth: 2.5, clip: true, ...(few ? { point: { size: 36 } } : {}) },
        encoding: { x: epochAxis, y, color: kindColour },
      },
    ],
  };
}

function pointsOf(kind: CurveValue["kind"], seed: number, result: SeedResult): CurveValue[] {
  return result.curve.map(({ epoch, validationAccuracy }) => ({
    kind,
    seed,
    epoch,
    value: 100 * validationAccuracy,
  }));
}

/**
 * The first epochs of a training are so much worse than the rest that they would flatten it: where there are at least
 * five, the axis begins at the lowest value after the first fifth.
 */
function yDomain(points: readonly CurveValue[]): [number, number] {
  const last = Math.max(...points.map((point) => point.epoch));
  const shown = points.filter((point) => last < 5 || point.epoch > last / 5).map((point) => point.value);
  const [low, high] = [Math.min(...shown), Math.max(...points.map((point) => point.value))];
  const margin = Math.max(0.05, (high - low) * 0.08);
  return [Math.max(0, low - margin), Math.min(100, high + margin)];
}
