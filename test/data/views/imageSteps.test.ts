import { describe, expect, it } from "vitest";
import { changedRows, meanOf, tally } from "../../helpers/viewedData.ts";

describe("a shift", () => {
  it("takes every pair of -2 to 2 about equally often", () => {
    const image = new Array<number>(49).fill(0);
    image[24] = 1; // the middle of 7 x 7
    const places = changedRows({ kind: "shift", pixels: 2 }, [7, 7, 1], image, 25_000).map((to) => {
      const at = to.indexOf(1);
      return `${Math.floor(at / 7) - 3},${(at % 7) - 3}`;
    });
    const seen = tally(places);
    expect([...seen.keys()].sort()).toEqual(
      [-2, -1, 0, 1, 2].flatMap((down) => [-2, -1, 0, 1, 2].map((right) => `${down},${right}`)).sort(),
    );
    // Each is expected 1,000 times with a standard deviation of 31.
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * 31);
  });

  it("lets zeros in at each border, and keeps the channels of a pixel together", () => {
    // Two rows of three pixels of two channels.
    const image = [1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6];
    const seen = new Set(
      changedRows({ kind: "shift", pixels: 1 }, [2, 3, 2], image, 400).map((to) =>
        [...to].filter((_, i) => i % 2 === 0).join(" "),
      ),
    );
    const expected = [
      ...["5 6 0 0 0 0", "4 5 6 0 0 0", "0 4 5 0 0 0"], // up: and left, straight, right
      ...["2 3 0 5 6 0", "1 2 3 4 5 6", "0 1 2 0 4 5"],
      ...["0 0 0 2 3 0", "0 0 0 1 2 3", "0 0 0 0 1 2"], // down
    ];
    expect([...seen].sort()).toEqual(expected.sort());
    for (const to of changedRows({ kind: "shift", pixels: 1 }, [2, 3, 2], image, 50)) {
      for (let i = 0; i < 12; i += 2) expect(to[i]).toBe(-(to[i + 1] as number) + 0);
    }
  });
});

describe("a flip", () => {
  // Two rows of three pixels of two channels.
  const image = [1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6];
  it.each([
    ["horizontal", [3, -3, 2, -2, 1, -1, 6, -6, 5, -5, 4, -4]],
    ["vertical", [4, -4, 5, -5, 6, -6, 1, -1, 2, -2, 3, -3]],
  ])("of the %s axis mirrors pixels with their channels", (axis, expected) => {
    const [to] = changedRows({ kind: "flip", axis, probability: 1 }, [2, 3, 2], image, 1);
    expect([...(to as Float32Array)]).toEqual(expected);
  });

  it("comes with its probability, and else changes nothing", () => {
    const rows = changedRows({ kind: "flip", probability: 0.25 }, [2, 3, 2], image, 10_000);
    const seen = tally(rows.map((to) => to.join(" ")));
    expect(seen.size).toBe(2);
    // A share of 0.25 with a standard deviation of sqrt(0.25 x 0.75 / 10000) = 0.0043.
    expect(Math.abs((10_000 - (seen.get(image.join(" ")) ?? 0)) / 10_000 - 0.25)).toBeLessThan(5 * 0.0043);
  });
});

describe("a crop", () => {
  // Of pixel (y, x) the first channel is x and the second y. Between pixels bilinear reading is exact for them, so that
  // the result at (y, x) is left + (x + 1/2) s - 1/2 and top + (y + 1/2) s - 1/2 wherever the edge is not met.
  const [height, width] = [16, 24];
  const image = Array.from({ length: height * width * 2 }, (_, i) => {
    const pixel = Math.floor(i / 2);
    return i % 2 === 0 ? pixel % width : Math.floor(pixel / width);
  });
  const boxes = changedRows({ kind: "crop", area: 0.4 }, [height, width, 2], image, 4000).map((to) => {
    const at = (y: number, x: number, channel: number) => to[2 * (y * width + x) + channel] as number;
    const side = (at(8, 16, 0) - at(8, 6, 0)) / 10;
    const sideDown = (at(12, 8, 1) - at(4, 8, 1)) / 8;
    const left = at(8, 12, 0) - 12.5 * side + 0.5;
    const top = at(8, 12, 1) - 8.5 * sideDown + 0.5;
    return { to, side, sideDown, left, top };
  });

  it("has an area evenly between its least share and 1, and the image's aspect", () => {
    expect(Math.max(...boxes.map(({ side, sideDown }) => Math.abs(side - sideDown)))).toBeLessThan(1e-5);
    const areas = boxes.map(({ side }) => side * side);
    expect(Math.min(...areas)).toBeGreaterThan(0.4 - 1e-5);
    expect(Math.max(...areas)).toBeLessThan(1 + 1e-5);
    // Mean 0.7, deviation 0.6 / sqrt(12) / sqrt(4000) = 0.0027.
    expect(Math.abs(meanOf(areas) - 0.7)).toBeLessThan(5 * 0.0027);
  });

  it("is anywhere in the image, and nowhere outside", () => {
    const places = boxes.filter(({ side }) => side < 0.95);
    const shares = places.flatMap(({ left, top, side }) => [
      left / ((1 - side) * width),
      top / ((1 - side) * height),
    ]);
    expect(Math.min(...shares)).toBeGreaterThan(-1e-3);
    expect(Math.max(...shares)).toBeLessThan(1 + 1e-3);
    // Means of 1/2, deviation 1 / sqrt(12) / sqrt(3000) = 0.0053 at most, as about 3,500 are left.
    expect(places.length).toBeGreaterThan(3000);
    const across = meanOf(places.map(({ left, side }) => left / ((1 - side) * width)));
    const down = meanOf(places.map(({ top, side }) => top / ((1 - side) * height)));
    expect(Math.abs(across - 0.5)).toBeLessThan(5 * 0.0053);
    expect(Math.abs(down - 0.5)).toBeLessThan(5 * 0.0053);
  });

  it("reads every pixel as the formula says, the edge where that is outside", () => {
    for (const { to, side, left, top } of boxes.slice(0, 50)) {
      const errors = [...to].map((value, i) => {
        const pixel = Math.floor(i / 2);
        const [start, place, length] =
          i % 2 === 0 ? [left, pixel % width, width] : [top, Math.floor(pixel / width), height];
        return Math.abs(value - Math.min(length - 1, Math.max(0, start + (place + 0.5) * side - 0.5)));
      });
      expect(Math.max(...errors)).toBeLessThan(1e-4);
    }
  });
});

describe("a cutout", () => {
  const rows = changedRows({ kind: "cutout", pixels: 4 }, [8, 8, 1], new Array(64).fill(1), 10_000);
  const zeroLines = (to: Float32Array, step: number, stride: number): number =>
    Array.from({ length: 8 }, (_, line) => line).filter((line) =>
      Array.from({ length: 8 }, (_, i) => to[line * step + i * stride]).includes(0),
    ).length;

  it("takes a rectangle whose clipped sides are those of a square around any pixel", () => {
    // Around row c = 0 to 7 are rows c - 2 to c + 1: 2, 3, 4, 4, 4, 4, 4, 3 of them are in the image, on average 3.5,
    // and columns alike, so 12.25 pixels; the squares' mean is 102 / 8 = 12.75, so the deviation of a count is
    // sqrt(12.75^2 - 12.25^2) = 3.54.
    const counts = rows.map((to) => to.filter((value) => value === 0).length);
    expect(counts).toEqual(rows.map((to) => zeroLines(to, 8, 1) * zeroLines(to, 1, 8)));
    expect(Math.abs(meanOf(counts) - 12.25)).toBeLessThan(5 * 0.0354);
    expect(Math.min(...counts)).toBe(4);
    expect(Math.max(...counts)).toBe(16);
  });

  it("meets every corner, and leaves all other pixels as they are", () => {
    for (const corner of [0, 7, 56, 63]) expect(rows.some((to) => to[corner] === 0)).toBe(true);
    expect(rows.every((to) => to.every((value) => value === 0 || value === 1))).toBe(true);
  });
});
