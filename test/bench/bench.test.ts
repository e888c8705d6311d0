import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { alternate } from "../../bench/blocks.ts";
import { rowsOf } from "../../bench/rows.ts";
import { fastestDecile } from "../../bench/statistics.ts";
import { table } from "../../bench/table.ts";
import { median } from "../../shared/evaluate/median.ts";

const cell = {
  bench: "step",
  case: "dense-128",
  batch: 32,
  optimizer: "sgd",
  threads: 1,
  spinning: false,
} as const;

describe("statistics of steps", () => {
  it("the median is the middle value, or the mean of the two in the middle", () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 2, 10])).toBe(3);
    expect(median([7])).toBe(7);
  });

  it("the fastest decile is what a tenth of the steps do not exceed", () => {
    expect(fastestDecile(Array.from({ length: 20 }, (_, i) => 20 - i))).toBe(2);
    expect(fastestDecile([9, 8])).toBe(8);
  });
});

describe("contestants", () => {
  it("take turns, and one that cannot be measured is asked once", async () => {
    const turns: string[] = [];
    const outcomes = await alternate(["a", "b", "c"], 2, async (name, block) => {
      turns.push(`${name}${block}`);
      return name === "b"
        ? { unavailable: "no compiler" }
        : { peer: name, steps: block === 0 ? [1] : [2, 3, 4], cpuMs: block === 0 ? 8 : 4 };
    });
    expect(turns).toEqual(["a0", "b0", "c0", "a1", "c1"]);
    // The processor time is the mean over four steps: (1 x 8 + 3 x 4) / 4.
    expect(outcomes[0]).toEqual({ peer: "a", steps: [1, 2, 3, 4], cpuMs: 5 });
    expect(outcomes[1]).toEqual({ unavailable: "no compiler" });
  });

  it("are compared with PyTorch eager by their medians", () => {
    const rows = rowsOf(cell, [
      { backend: "stillhouse compiled", outcome: { steps: [1, 2, 3], graphs: [0.5, 1, 1.5], cpuMs: 4 } },
      { backend: "pytorch eager", outcome: { peer: "PyTorch 9", steps: [4, 4, 5], cpuMs: 8 } },
      { backend: "pytorch compile", outcome: { unavailable: "no compiler" } },
    ]);
    expect(rows.map((row) => row.ratioToPyTorchEager)).toEqual([0.5, 1, null]);
    expect(rows.map((row) => row.graphMs)).toEqual([1, null, null]);
    expect(table(rows).split("\n").at(-1)).toMatch(/pytorch compile .*no compiler$/);
  });
});

describe("npm run bench", () => {
  it("measures our step in a process of its own and gives its rows as JSON", () => {
    const main = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));
    const tiny = "--cases dense-128 --batches 8 --optimizers sgd --peers stillhouse,pytorch";
    const args = `${tiny} --threads 1 --blocks 1 --seconds 0.05 --python no-such-python --json`.split(" ");
    const out = execFileSync(
      process.execPath,
      ["--import", import.meta.resolve("tsx"), main, "step", ...args],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const [ours, pytorch] = JSON.parse(out);
    expect(ours).toMatchObject({ ...cell, batch: 8, backend: "stillhouse compiled", unavailable: null });
    expect(ours.steps).toBeGreaterThanOrEqual(15);
    expect(ours.fastestDecileMs).toBeLessThanOrEqual(ours.medianMs);
    expect(ours.graphMs).toBeLessThan(ours.medianMs);
    expect(ours.ratioToPyTorchEager).toBeNull();
    expect(pytorch).toMatchObject({ backend: "pytorch eager", medianMs: null, steps: 0 });
    expect(pytorch.unavailable).toContain("no-such-python");
  });
});
