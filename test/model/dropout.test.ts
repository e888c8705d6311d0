import { describe, expect, it } from "vitest";
import { rng } from "../../shared/determinism/rng.ts";
import { dropoutMask } from "../../shared/model/dropout.ts";

describe("dropoutMask()", () => {
  it("is drawn by place and unit from the stream of seed, step and layer", () => {
    const mask = dropoutMask([3, 4], 0.25, ["run", 7], 5, "dropout_1");
    const { at } = rng("run", 7, "mask", 5, "dropout_1");
    for (let place = 0; place < 3; place++) {
      for (let unit = 0; unit < 4; unit++) {
        const dropped = at(place * 4 + unit) / 2 ** 32 < 0.25;
        expect(mask[place * 4 + unit]).toBe(dropped ? 0 : Math.fround(1 / 0.75));
      }
    }
  });

  it("gives a sample the same mask whatever the batch's size", () => {
    const large = dropoutMask([8, 5], 0.5, [1], 0, "a");
    expect(dropoutMask([3, 5], 0.5, [1], 0, "a")).toEqual(large.slice(0, 15));
  });

  it("drops its share and keeps the expected sum", () => {
    const mask = dropoutMask([100, 400], 0.2, [1], 0, "a");
    // 40,000 draws: the share has a standard error of 0.002, so 0.01 is five of them.
    expect(Math.abs(mask.filter((m) => m === 0).length / mask.length - 0.2)).toBeLessThan(0.01);
    expect(Math.abs(mask.reduce((a, b) => a + b) / mask.length - 1)).toBeLessThan(0.0125);
  });
});
