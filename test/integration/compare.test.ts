import { readFileSync } from "node:fs";
import { expect, it, vi } from "vitest";
import type { Comparison } from "../../shared/evaluate/comparison.ts";
import { workspace } from "../helpers/cli.ts";
import { SMALL_SAMPLES, smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000 });

it("compare makes each teacher's passes once for all variants, chooses on validation without one that fails, and goes on where it ended", async () => {
  const place = await workspace();
  const spec = smallSpec({
    seeds: [1, 2],
    compare: {
      vary: {
        teachers: [["wide"]],
        "ensemble.rule": ["vote"],
        "student.train.optimizer": [
          { kind: "sgd", lr: 0.05 },
          { kind: "sgd", lr: 1e30 },
        ],
      },
    },
    distill: { loss: { kind: "kd" } },
    labels: { chunkSize: 512 },
  });
  const command = ["compare", await place.spec("small", spec), "--store", "store", "--out", "out"];
  const end = await place.run(command);
  expect(end.code, end.stderr).toBe(1);
  const read = (): Comparison => JSON.parse(readFileSync(place.path("out", "comparison.json"), "utf8"));
  const { variants, failed, chosen } = read();
  expect(variants.map(({ name, passesMade }) => [name, passesMade])).toEqual([
    ["as written", 2 * SMALL_SAMPLES],
    ["teachers wide, rule vote, optimizer sgd lr 0.05", 0],
  ]);
  expect(failed).toEqual([
    {
      name: "teachers wide, rule vote, optimizer sgd lr 1e+30",
      reason: expect.stringMatching(/^Run small-\w+ failed at node \S+: .* lower the learning rate/),
    },
  ]);
  expect(end.stdout).toMatch(/lr 1e\+30 +failed: Run small/);
  const best = Math.max(...variants.map(({ validation }) => validation));
  expect(variants[chosen]?.validation).toBe(best);
  expect(end.stdout).toMatch(/Chosen on validation: /);

  const again = await place.run(command);
  expect(again.stderr).toContain("2 of 3: teachers wide, rule vote, optimizer sgd lr 0.05, there already");
  // The node that failed has another name now.
  const unnamed = (text: string): string => text.replace(/at node \S+/, "");
  expect(unnamed(again.stdout)).toBe(unnamed(end.stdout));
});
