import { describe, expect, it } from "vitest";
import { ViewsSpec } from "../../../shared/config/viewsSpec.ts";
import { requireViewable, ViewRefused } from "../../../shared/data/views/requireViewable.ts";

const check = (step: object, inputShape: number[]) => () =>
  requireViewable(ViewsSpec.parse({ count: 2, recipe: [{ kind: "gain", decibels: 1 }, step] }), {
    name: "birds",
    inputShape,
  });
const images = "images [height, width, channels], or another step";

describe("a step that samples cannot take is refused, with its value, the shape and what is expected", () => {
  it.each<[object, number[], string]>([
    [
      { kind: "shift", pixels: 2 },
      [16],
      `"shift" as views.recipe[1] asks: samples of "birds" have the shape [16]; expected ${images}`,
    ],
    [
      { kind: "shift", pixels: 6 },
      [28, 6, 1],
      '"shift" with pixels 6 as views.recipe[1] asks: samples of "birds" have the shape [28,6,1]; expected less than 6',
    ],
    [
      { kind: "flip" },
      [16],
      `"flip" as views.recipe[1] asks: samples of "birds" have the shape [16]; expected ${images}`,
    ],
    [
      { kind: "crop", area: 0.5 },
      [8, 8],
      `"crop" as views.recipe[1] asks: samples of "birds" have the shape [8,8]; expected ${images}`,
    ],
    [
      { kind: "cutout", pixels: 9 },
      [28, 8, 3],
      '"cutout" with pixels 9 as views.recipe[1] asks: samples of "birds" have the shape [28,8,3]; expected at most 8',
    ],
    [
      { kind: "cutout", pixels: 2 },
      [16],
      `"cutout" as views.recipe[1] asks: samples of "birds" have the shape [16]; expected ${images}`,
    ],
    [
      { kind: "time-shift", frames: 8 },
      [8, 4],
      '"time-shift" with frames 8 as views.recipe[1] asks: samples of "birds" have the shape [8,4]; expected less than 8',
    ],
    [
      { kind: "spec-augment", bands: 1, frames: 1 },
      [8, 4, 3],
      '"spec-augment" as views.recipe[1] asks: samples of "birds" have the shape [8,4,3]; expected a spectrogram [time, bands] or [time, bands, 1], or another step',
    ],
    [
      { kind: "spec-augment", bands: 5, frames: 1 },
      [8, 4],
      '"spec-augment" with bands 5 as views.recipe[1] asks: samples of "birds" have the shape [8,4]; expected at most 4',
    ],
    [
      { kind: "spec-augment", bands: 4, frames: 9 },
      [8, 4, 1],
      '"spec-augment" with frames 9 as views.recipe[1] asks: samples of "birds" have the shape [8,4,1]; expected at most 8',
    ],
    [
      { kind: "token-drop", probability: 0.1 },
      [28, 28, 1],
      '"token-drop" as views.recipe[1] asks: samples of "birds" have the shape [28,28,1]; expected token ids [length], or another step',
    ],
  ])("%j of %j", (step, shape, message) => {
    expect(check(step, shape)).toThrow(ViewRefused);
    expect(check(step, shape)).toThrow(`Cannot apply ${message}`);
  });
});

it("a step is taken up to its bound, and where the shape does not matter by any", () => {
  const fine: [object, number[]][] = [
    [{ kind: "shift", pixels: 5 }, [28, 6, 1]],
    [{ kind: "cutout", pixels: 8 }, [28, 8, 3]],
    [{ kind: "time-shift", frames: 7 }, [8]],
    [{ kind: "spec-augment", bands: 4, frames: 8 }, [8, 4, 1]],
    [{ kind: "token-drop", probability: 0.1 }, [32]],
    [{ kind: "noise", deviation: 1 }, [3, 3, 3, 3]],
    [{ kind: "mixup" }, [5]],
  ];
  for (const [step, shape] of fine) expect(check(step, shape)).not.toThrow();
});
