import { describe, expect, it } from "vitest";
import { ViewsSpec } from "../../../shared/config/viewsSpec.ts";
import { gatherInputs } from "../../../shared/data/gather.ts";
import { applyView } from "../../../shared/data/views/applyView.ts";
import { type View, viewOf } from "../../../shared/data/views/view.ts";
import { smallDataset } from "../../helpers/trainers.ts";

const view = (recipe: unknown[], number = 1, seed = 0): View => {
  const found = viewOf(ViewsSpec.parse({ count: "fresh", seed, recipe }), number);
  if (!found) throw new Error("view 0");
  return found;
};

const dataset = smallDataset("cnn");
const changed = (of: View, ids: number[]): Float32Array => {
  const inputs = gatherInputs(dataset, ids);
  applyView(of, dataset, ids, inputs);
  return inputs;
};

describe("a sample in a view", () => {
  const of = view([
    { kind: "shift", pixels: 2 },
    { kind: "flip", axis: "horizontal" },
  ]);

  it("is the same in another batch", () => {
    const size = 36;
    const alone = changed(of, [11]);
    expect(changed(of, [3, 11, 40]).subarray(size, 2 * size)).toEqual(alone);
    expect(alone).not.toEqual(gatherInputs(dataset, [11]));
  });
});
