import { describe, expect, it } from "vitest";
import { sampleId } from "../../../shared/data/dataset.ts";
import { applyView } from "../../../shared/data/views/applyView.ts";
import { changedRows, meanOf, shapedData, tally, viewBy } from "../../helpers/viewedData.ts";

describe("dropped tokens", () => {
  const step = { kind: "token-drop", probability: 0.5 };
  const rows = changedRows(step, [6], [5, 6, 7, 8, 0, 0], 10_000).map((to) => [...to]);

  it("leave, those behind move up in their order, and zeros fill the end", () => {
    const seen = new Set(rows.map((to) => to.join(" ")));
    // Every choice of 1 to 4 of the tokens.
    const expected = Array.from({ length: 15 }, (_, i) => {
      const left = [5, 6, 7, 8].filter((_, token) => ((i + 1) >> token) & 1);
      return [...left, ...new Array(6 - left.length).fill(0)].join(" ");
    });
    expect([...seen].sort()).toEqual(expected.sort());
  });

  it("are as many as their probability says, but one stays", () => {
    const left = rows.map((to) => to.filter((id) => id !== 0).length);
    // 4 x 1/2, and 1 instead of 0 in one case of 16: 2.0625; the deviation is below 1.
    expect(Math.abs(meanOf(left) - 2.0625)).toBeLessThan(5 * 0.01);
    expect(Math.min(...left)).toBe(1);
  });

  it("spare any token where all would go", () => {
    const alone = changedRows({ kind: "token-drop", probability: 0.999 }, [4], [5, 6, 7, 8], 4000);
    const seen = tally(alone.filter((to) => to[1] === 0).map(([first = 0]) => first));
    // Each is expected about 1,000 times with a standard deviation of 27.
    expect([...seen.keys()].sort()).toEqual([5, 6, 7, 8]);
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * 28);
  });

  it("are the same whatever length the samples of a batch are cut to", () => {
    const cut = (length: number) => {
      const inputs = new Float32Array(100 * length);
      for (let row = 0; row < 100; row++) inputs.set([5, 6, 7, 8], row * length);
      const ids = Array.from({ length: 100 }, (_, row) => sampleId(0, row));
      applyView(viewBy([step]), shapedData([9]), ids, inputs, length);
      return ids.map((_, row) => [...inputs.subarray(row * length, row * length + 4)]);
    };
    expect(cut(4)).toEqual(cut(9));
  });

  it("are no padding: a sample without tokens stays, and zeros between tokens stay there", () => {
    for (const to of changedRows(step, [3], [0, 0, 0], 20)) expect([...to]).toEqual([0, 0, 0]);
    const seen = new Set(changedRows(step, [3], [5, 0, 6], 200).map((to) => to.join(" ")));
    expect([...seen].sort()).toEqual(["0 6 0", "5 0 0", "5 0 6"]);
  });
});
