import { expect, it } from "vitest";
import { CoarseLabels, requireFineLabels } from "../../coordinator/coarseLabels.ts";
import { DataSpec } from "../../shared/config/dataSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { openDataset } from "../../shared/data/open.ts";
import type { Targets } from "../../shared/data/targets.ts";

const regression = DataSpec.parse({ format: "synthetic", task: "regression", train: 200, test: 20 });

/** Targets moved by so much. */
async function moved(by: number, times = 1): Promise<Dataset> {
  const data = await openDataset(regression, ".");
  const targets = data.targets as Targets;
  const values = targets.values.map((of) => of.map((value) => times * value + by));
  return { ...data, targets: { ...targets, values } };
}

it("labels in half precision are refused where they would be rounded by more than 1% of the targets' deviation", async () => {
  // About 20 with a deviation of 5: half the distance of neighbours below 64 is 1/64.
  requireFineLabels(await moved(0), "half");
  // From 2048 on neighbours are 2 apart.
  const years = await moved(2100);
  expect(() => requireFineLabels(years, "half")).toThrow(CoarseLabels);
  expect(() => requireFineLabels(years, "half")).toThrow(
    /output 0 has targets up to 21.* rounded by up to 1.0, .* set labels.encoding: float32/,
  );
  requireFineLabels(years, "float32");
});

it("labels in half precision are refused for targets beyond 65504", async () => {
  const large = await moved(0, 10_000);
  expect(() => requireFineLabels(large, "half")).toThrow(/rounded by up to Infinity/);
});
