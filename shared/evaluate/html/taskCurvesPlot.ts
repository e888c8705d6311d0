import { mean } from "../intervals.ts";
import type { TaskReport } from "../taskReportSchema.ts";
import type { PlotSpec } from "./plot.ts";

interface Point {
  readonly kind: "student" | "alone";
  readonly seed: number;
  readonly epoch: number;
  readonly score: number;
}

/** Validation score by epoch: each seed thin, the mean of the seeds thick. Null without any curve. */
export function taskCurvesPlot({ seeds, score }: TaskReport): PlotSpec | null {
  const shares = score.unit === "";
  const points = seeds.flatMap(({ seed, student, baseline }) =>
    [
      { kind: "student" as const, of: student },
      ...(baseline ? [{ kind: "alone" as const, of: baseline }] : []),
    ].flatMap(({ kind, of }) =>
      of.curve.map(
        ({ epoch, validationScore }): Point => ({
          kind,
          seed,
          epoch,
          score: shares ? 100 * validationScore : validationScore,
        }),
      ),
    ),
  );
  if (points.length === 0) return null;
  const x = {
    field: "epoch",
    type: "quantitative",
    title: "epoch",
    axis: { tickMinStep: 1, format: "d", grid: false, labelFlush: false },
    scale: { zero: false, nice: false, padding: 8 },
  };
  const y = {
    field: "score",
    type: "quantitative",
    title: `validation ${score.name}${shares ? ", %" : ""}`,
    scale: { zero: false },
  };
  const color = {
    field: "kind",
    type: "nominal",
    legend: null,
    scale: { domain: ["student", "alone"], range: ["var(--student)", "var(--alone)"] },
  };
  return {
    data: { values: points },
    height: 300,
    layer: [
      {
        mark: { type: "line", strokeWidth: 1, opacity: 0.45 },
        encoding: { x, y, color, detail: { field: "seed", type: "nominal" } },
      },
      {
        data: { values: meansOf(points) },
        mark: { type: "line", strokeWidth: 2.5 },
        encoding: { x, y, color },
      },
    ],
  };
}

/** One point for every epoch of a kind, over the seeds that reached it. */
function meansOf(points: readonly Point[]) {
  return (["student", "alone"] as const).flatMap((kind) => {
    const own = points.filter((point) => point.kind === kind);
    const epochs = [...new Set(own.map(({ epoch }) => epoch))].toSorted((a, b) => a - b);
    return epochs.map((epoch) => ({
      kind,
      epoch,
      score: mean(own.filter((point) => point.epoch === epoch).map(({ score }) => score)),
    }));
  });
}
