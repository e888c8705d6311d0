import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { divergences, TEMPERATURES } from "../../bench/labels/divergences.ts";
import { encodingCases } from "../../bench/labels/encodingCases.ts";
import type { LabelsRow } from "../../bench/labels/runLabels.ts";
import { drawOutputs, teacherOutputs } from "../../bench/labels/teacherOutputs.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { bytesPerRow, encodeLogits } from "../../shared/labels/encoding.ts";

const few = teacherOutputs.map((outputs) => ({ ...outputs, rows: outputs.classes > 1000 ? 2 : 200 }));
/** Mean divergences of a case of the benchmark, at 1, 2 and 4. */
function measured(outputs: (typeof few)[number], name: string): number[] {
  const { classes } = outputs;
  const logits = drawOutputs(outputs, rng("bench", "test", classes, outputs.name));
  const one = encodingCases(classes).find((other) => other.name === name);
  if (!one) throw new Error(`the benchmark has no ${name} of ${classes} classes`);
  return divergences(one, logits, classes, encodeLogits(one.encoding, logits, classes, "it"));
}

describe("on outputs like teachers'", () => {
  it.each(few.map((outputs) => [outputs.classes, outputs.name, outputs] as const))(
    "half precision of %d classes, %s, costs less than 1e-5 nats at every temperature",
    (_classes, _name, outputs) => {
      for (const divergence of measured(outputs, "half")) expect(divergence).toBeLessThan(1e-5);
    },
  );

  it("1,000 classes in 200 bytes a sample, top-47 with three tails, cost less than 0.01 nats: peaked and smoothed, at T = 1", () => {
    expect(bytesPerRow({ kind: "top-k", k: 47, temperatures: [...TEMPERATURES] }, 1000)).toBe(200);
    for (const outputs of few.filter(({ classes, name }) => classes === 1000 && name !== "long-tailed")) {
      const [atOne] = measured(outputs, "top-47 at T = 1, 2, 4, uniform");
      expect(atOne).toBeLessThan(0.01);
    }
  });

  it("1,000 classes in 200 bytes a sample, top-112 packed with three tails, cost less than 0.01 nats at T = 1: all outputs", () => {
    const packed = { kind: "top-k", k: 112, packed: true, temperatures: [...TEMPERATURES] } as const;
    expect(bytesPerRow({ ...packed, temperatures: [...TEMPERATURES] }, 1000)).toBe(200);
    for (const outputs of few.filter(({ classes }) => classes === 1000)) {
      const [atOne] = measured(outputs, "top-112 packed at T = 1, 2, 4, uniform");
      expect(atOne).toBeLessThan(0.01);
    }
  });

  it("a ghost bucket loses nothing but the rounding of halves, at every stored temperature", () => {
    for (const outputs of few.filter(({ classes }) => classes === 1000)) {
      for (const divergence of measured(outputs, "top-47 at T = 1, 2, 4, ghost")) {
        expect(divergence).toBeLessThan(1e-6);
      }
    }
  });
});

describe("npm run bench -- labels", () => {
  it("gives a row for each encoding, with rates and what it loses, and what others have published", () => {
    const main = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));
    const args = "--classes 10 --blocks 1 --seconds 0.005 --json".split(" ");
    const out = execFileSync(
      process.execPath,
      ["--import", import.meta.resolve("tsx"), main, "labels", ...args],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const rows = JSON.parse(out) as LabelsRow[];
    const half = rows.find(({ encoding }) => encoding === "half");
    expect(half).toMatchObject({ classes: 10, outputs: "peaked", bytesPerSample: 20, limit: 500 });
    expect(half?.encode?.perCore).toBeGreaterThan(0);
    expect(half?.decodeToCopy).toBeGreaterThan(0);
    expect(rows.find(({ encoding }) => encoding === "a copy")?.encodeToCopy).toBe(1);
    expect(rows.slice(-2).map(({ bytesPerSample }) => bytesPerSample)).toEqual([404, 300]);
  });
});
