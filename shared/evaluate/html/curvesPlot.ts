import { mean } from "../intervals.ts";
import type { Report, SeedResult } from "../reportSchema.ts";
import type { PlotSpec } from "./plot.ts";

interface Point {
  readonly kind: "student" | "alone";
  readonly seed: number;
  readonly epoch: number;
  readonly accuracy: number;
}

/** Validation accuracy by epoch: each seed thin, the mean of the seeds thick. Null without any curve. */
export function curvesPlot(report: Report): PlotSpec | null {
  const points = report.seeds.flatMap(({ seed, student, baseline }) => [
    ...pointsOf("student", seed, student),
    ...(baseline ? pointsOf("alone", seed, baseline) : []),
  ]);
  if (points.length === 0) return null;
  const means = [...meansOf("student", points), ...meansOf("alone", points)];
  const x = {
    field: "epoch",
    type: "quantitative",
    title: "epoch",
    axis: { tickMinStep: 1, format: "d", grid: false, labelFlush: false },
    scale: { zero: false, nice: false, padding: 8 },
  };
  const y = {
    field: "accuracy",
    type: "quantitative",
    title: "validation accuracy, %",
    scale: { domain: yDomain(points), nice: false },
  };
  const color = {
    field: "kind",
    type: "nominal",
    legend: null,
    scale: { domain: ["student", "alone"], range: ["var(--student)", "var(--alone)"] },
  };
  const few = means.length <= 30;
  return {
    data: { values: points },
    height: 300,
    layer: [
      {
        mark: { type: "line", strokeWidth: 1, opacity: 0.45, clip: true },
        encoding: { x, y, color, detail: { field: "seed", type: "nominal" } },
      },
      {
        data: { values: means },
        mark: { type: "line", strokeWidth: 2.5, clip: true, ...(few ? { point: { size: 36 } } : {}) },
        encoding: { x, y, color },
      },
    ],
  };
}

function pointsOf(kind: Point["kind"], seed: number, result: SeedResult): Point[] {
  return result.curve.map(({ epoch, validationAccuracy }) => ({
    kind,
    seed,
    epoch,
    accuracy: 100 * validationAccuracy,
  }));
}

/** One point for every epoch of the kind, over the seeds that reached it. */
function meansOf(kind: Point["kind"], points: readonly Point[]) {
  const own = points.filter((point) => point.kind === kind);
  const epochs = [...new Set(own.map((point) => point.epoch))].toSorted((a, b) => a - b);
  return epochs.map((epoch) => ({
    kind,
    epoch,
    accuracy: mean(own.filter((point) => point.epoch === epoch).map((point) => point.accuracy)),
  }));
}

/**
 * The first epochs of a training are so much worse than the rest that they would flatten it: where there are at least
 * five, the axis begins at the lowest value after the first fifth.
 */
function yDomain(points: readonly Point[]): [number, number] {
  const last = Math.max(...points.map((point) => point.epoch));
  const shown = points.filter((point) => last < 5 || point.epoch > last / 5).map((point) => point.accuracy);
  const [low, high] = [Math.min(...shown), Math.max(...points.map((point) => point.accuracy))];
  const margin = Math.max(0.05, (high - low) * 0.08);
  return [Math.max(0, low - margin), Math.min(100, high + margin)];
}
