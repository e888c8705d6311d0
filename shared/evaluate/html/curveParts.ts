import { mean } from "../intervals.ts";

/** A value of one training after an epoch, as a plot shows it. */
export interface CurveValue {
  readonly kind: "student" | "alone";
  readonly seed: number;
  readonly epoch: number;
  readonly value: number;
}

export const epochAxis = {
  field: "epoch",
  type: "quantitative",
  title: "epoch",
  axis: { tickMinStep: 1, format: "d", grid: false, labelFlush: false },
  scale: { zero: false, nice: false, padding: 8 },
};

export const kindColour = {
  field: "kind",
  type: "nominal",
  legend: null,
  scale: { domain: ["student", "alone"], range: ["var(--student)", "var(--alone)"] },
};

/** One point for every epoch of a kind, over the seeds that reached it. */
export function meansByEpoch(points: readonly CurveValue[]): Omit<CurveValue, "seed">[] {
  return (["student", "alone"] as const).flatMap((kind) => {
    const own = points.filter((point) => point.kind === kind);
    const epochs = [...new Set(own.map(({ epoch }) => epoch))].toSorted((a, b) => a - b);
    return epochs.map((epoch) => ({
      kind,
      epoch,
      value: mean(own.filter((point) => point.epoch === epoch).map(({ value }) => value)),
    }));
  });
}
