import { readFileSync } from "node:fs";
import { expect, it, vi } from "vitest";
import type { Comparison } from "../../shared/evaluate/comparison.ts";
import { workspace } from "../helpers/cli.ts";
import { SMALL_SAMPLES, smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000 });

it("compare makes each teacher's passes once for all variants, chooses on validation, and goes on where it ended", async () => {
  const place = await workspace();
  const spec = smallSpec({
    seeds: [1, 2],
    compare: {
      vary: { teachers: [["wide"]], "ensemble.rule": ["vote"], "distill.loss.temperature": [1, 2] },
    },
    distill: { loss: { kind: "kd" } },
    labels: { chunkSize: 512 },
  });
  const command = ["compare", await place.spec("small", spec), "--store", "store", "--out", "out"];
  const end = await place.run(command);
  expect(end.code, end.stderr).toBe(0);
  const read = (): Comparison => JSON.parse(readFileSync(place.path("out", "comparison.json"), "utf8"));
  const { variants, chosen } = read();
  expect(variants.map(({ name, passesMade }) => [name, passesMade])).toEqual([
    ["as written", 2 * SMALL_SAMPLES],
    ["teachers wide, rule vote, temperature 1", 0],
    ["teachers wide, rule vote, temperature 2", 0],
  ]);
  const best = Math.max(...variants.map(({ validation }) => validation));
  expect(variants[chosen]?.validation).toBe(best);
  expect(end.stdout).toMatch(/Chosen on validation: /);

  const again = await place.run(command);
  expect(again.stderr).toContain("3 of 3: teachers wide, rule vote, temperature 2, there already");
  expect(again.stdout).toBe(end.stdout);
});
