import { mean } from "../intervals.ts";
import type { Report } from "../reportSchema.ts";
import type { PlotSpec } from "./plot.ts";

export interface ClassDelta {
  readonly class: number;
  /** Accuracy of the student less that of the student alone, mean over seeds, in points. */
  readonly delta: number;
  readonly perSeed: readonly number[];
}

/** The change of each class that has test samples, in class order; empty without a student alone. */
export function classDeltas({ seeds, data }: Report): ClassDelta[] {
  return Array.from({ length: data.classes }, (_, c) => c).flatMap((c) => {
    const perSeed = seeds.flatMap(({ student, baseline }) => {
      const [ours, alone] = [student.perClassAccuracy[c], baseline?.perClassAccuracy[c]];
      return typeof ours === "number" && typeof alone === "number" ? [100 * (ours - alone)] : [];
    });
    return perSeed.length === 0 ? [] : [{ class: c, delta: mean(perSeed), perSeed }];
  });
}

/** The most classes that a plot can show readably. */
export const MAX_CLASSES_SHOWN = 40;

/** All classes, or the most harmed and the most helped half of the limit each, from worst to best. */
export function shownDeltas(deltas: readonly ClassDelta[]): ClassDelta[] {
  if (deltas.length <= MAX_CLASSES_SHOWN) return [...deltas];
  const sorted = deltas.toSorted((a, b) => a.delta - b.delta);
  return [...sorted.slice(0, MAX_CLASSES_SHOWN / 2), ...sorted.slice(-MAX_CLASSES_SHOWN / 2)];
}

/** A bar a class, up where the student is better and down where the student alone is, and a ring a seed. */
export function classPlot(deltas: readonly ClassDelta[]): PlotSpec {
  const x = {
    field: "class",
    type: "nominal",
    sort: deltas.map((one) => one.class),
    title: "class",
    axis: { labelAngle: 0 },
  };
  const y = { type: "quantitative", title: "change in accuracy, points" };
  // The ring of a single seed would only mark the end of its bar.
  const several = deltas.filter((one) => one.perSeed.length > 1);
  const dots = several.flatMap((one) => one.perSeed.map((delta) => ({ class: one.class, delta })));
  return {
    data: { values: deltas.map(({ class: c, delta }) => ({ class: c, delta })) },
    height: 240,
    layer: [
      {
        mark: { type: "bar", opacity: 0.75, width: { band: 0.62 } },
        encoding: {
          x,
          y: { ...y, field: "delta" },
          color: {
            condition: { test: "datum.delta < 0", value: "var(--alone)" },
            value: "var(--student)",
          },
        },
      },
      {
        data: { values: dots },
        mark: { type: "point", size: 26, strokeWidth: 1.2 },
        encoding: { x, y: { ...y, field: "delta" }, color: { value: "var(--ink)" } },
      },
      {
        data: { values: [{}] },
        mark: { type: "rule", strokeWidth: 1 },
        encoding: { y: { datum: 0 }, color: { value: "var(--soft)" } },
      },
    ],
  };
}
