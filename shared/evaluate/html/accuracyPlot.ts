import { meanInterval95, wilsonInterval95 } from "../intervals.ts";
import type { Report } from "../reportSchema.ts";
import type { PlotSpec } from "./plot.ts";

interface Row {
  readonly model: string;
  readonly kind: "teacher" | "ensemble" | "alone" | "student";
  readonly accuracy: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Accuracy of every model as a dot with its 95% interval, and each seed of the students as a ring. */
export function accuracyPlot(report: Report): PlotSpec {
  const rows = rowsOf(report);
  const seeds = report.seeds.flatMap(({ student, baseline }) => [
    { model: "Student", accuracy: 100 * student.accuracy, kind: "student" },
    ...(baseline ? [{ model: "Student alone", accuracy: 100 * baseline.accuracy, kind: "alone" }] : []),
  ]);
  const y = { field: "model", type: "nominal", sort: rows.map((row) => row.model), title: null };
  const x = {
    type: "quantitative",
    scale: { domain: xDomain(rows, seeds), nice: false },
    title: "test accuracy, %",
    axis: { tickCount: 8, labelFlush: false },
  };
  const color = {
    field: "kind",
    type: "nominal",
    legend: null,
    scale: {
      domain: ["teacher", "ensemble", "alone", "student"],
      range: ["var(--teacher)", "var(--ensemble)", "var(--alone)", "var(--student)"],
    },
  };
  return {
    data: { values: rows.map(inPercent) },
    height: 38 * rows.length,
    layer: [
      {
        mark: { type: "rule", strokeWidth: 2, opacity: 0.55 },
        transform: [{ filter: "datum.low !== null" }],
        encoding: { y, x: { ...x, field: "low" }, x2: { field: "high" }, color },
      },
      {
        data: { values: report.seeds.length > 1 ? seeds : [] },
        mark: { type: "point", size: 45, strokeWidth: 1.5 },
        encoding: { y, x: { ...x, field: "accuracy" }, color },
      },
      {
        mark: { type: "point", filled: true, size: 110, opacity: 1 },
        encoding: { y, x: { ...x, field: "accuracy" }, color },
      },
      {
        mark: { type: "text", dy: -12, fontSize: 11.5 },
        encoding: {
          y,
          x: { ...x, field: "accuracy" },
          text: { field: "accuracy", type: "quantitative", format: ".2f" },
          color: { value: "var(--ink)" },
        },
      },
    ],
  };
}

function rowsOf({ teachers, ensemble, baseline, student, seeds }: Report): Row[] {
  const single = (
    model: string,
    kind: Row["kind"],
    { accuracy, testSamples }: Pick<NonNullable<Report["ensemble"]>, "accuracy" | "testSamples">,
  ): Row[] => {
    if (accuracy === null) return [];
    const [low, high] = testSamples > 0 ? wilsonInterval95(accuracy, testSamples) : [null, null];
    return [{ model, kind, accuracy, low, high }];
  };
  const many = (model: string, kind: Row["kind"], accuracies: readonly number[], mean: number): Row => {
    const [low, high] = meanInterval95(accuracies) ?? [null, null];
    return { model, kind, accuracy: mean, low, high };
  };
  const alone = seeds.flatMap((one) => (one.baseline ? [one.baseline.accuracy] : []));
  return [
    ...teachers.flatMap((one) => single(`teacher ${one.name}`, "teacher", one)),
    ...(ensemble ? single("Ensemble", "ensemble", ensemble) : []),
    ...(baseline ? [many("Student alone", "alone", alone, baseline.accuracy)] : []),
    many(
      "Student",
      "student",
      seeds.map((one) => one.student.accuracy),
      student.accuracy,
    ),
  ];
}

/** An interval of few seeds may reach beyond what an accuracy can be. */
function inPercent(row: Row): Row {
  const of = (share: number) => Math.min(100, Math.max(0, 100 * share));
  const end = (share: number | null) => (share === null ? null : of(share));
  return { ...row, accuracy: of(row.accuracy), low: end(row.low), high: end(row.high) };
}

/** From the lowest to the highest mark, in percent, with a margin for the texts at the ends. */
function xDomain(rows: readonly Row[], seeds: readonly { readonly accuracy: number }[]): [number, number] {
  const shown = rows
    .map(inPercent)
    .flatMap(({ accuracy, low, high }) => [accuracy, low ?? accuracy, high ?? accuracy])
    .concat(seeds.map((one) => one.accuracy));
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const margin = Math.max(0.05, (high - low) * 0.05);
  return [low - margin, high + margin];
}
