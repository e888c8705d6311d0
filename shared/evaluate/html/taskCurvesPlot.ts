import type { TaskReport } from "../taskReportSchema.ts";
import { type CurveValue, epochAxis, kindColour, meansByEpoch } from "./curveParts.ts";
import type { PlotSpec } from "./plot.ts";

/** Validation score by epoch: each seed thin, the mean of the seeds thick. Null without any curve. */
export function taskCurvesPlot({ seeds, score }: TaskReport): PlotSpec | null {
  const shares = score.unit === "";
  const points = seeds.flatMap(({ seed, student, baseline }) =>
    [
      { kind: "student" as const, of: student },
      ...(baseline ? [{ kind: "alone" as const, of: baseline }] : []),
    ].flatMap(({ kind, of }) =>
      of.curve.map(
        ({ epoch, validationScore }): CurveValue => ({
          kind,
          seed,
          epoch,
          value: shares ? 100 * validationScore : validationScore,
        }),
      ),
    ),
  );
  if (points.length === 0) return null;
  const y = {
    field: "value",
    type: "quantitative",
    title: `validation ${score.name}${shares ? ", %" : ""}`,
    scale: { zero: false },
  };
  return {
    data: { values: points },
    height: 300,
    layer: [
      {
        mark: { type: "line", strokeWidth: 1, opacity: 0.45 },
        encoding: { x: epochAxis, y, color: kindColour, detail: { field: "seed", type: "nominal" } },
      },
      {
        data: { values: meansByEpoch(points) },
        mark: { type: "line", strokeWidth: 2.5 },
        encoding: { x: epochAxis, y, color: kindColour },
      },
    ],
  };
}
