import { readFileSync } from "node:fs";
import { expect, it, vi } from "vitest";
import { workspace } from "../helpers/cli.ts";
import { SMALL_SAMPLES, smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000 });

it("a cross-fitted teacher teaches over NATS, and each of its models can be exported by its fold", async () => {
  const place = await workspace();
  const model = { arch: "mlp", hidden: [64] };
  const train = { epochs: 2, batch: 64 };
  const spec = smallSpec({
    teachers: [{ name: "wide", model, train, crossFit: 2 }],
    labels: { chunkSize: 512 },
  });
  const report = await place.report([await place.spec("small", spec), "--store", "store"], "out");
  // 16 * 64 + 64 + 64 * 4 + 4 numbers a model.
  expect(report.teachers[0]).toMatchObject({ name: "wide", folds: 2, parameters: 2 * 1348 });
  expect(report.teacherPasses).toEqual({ made: SMALL_SAMPLES, saved: 0 });

  const wide = ["export", "out", "--store", "store", "--teacher", "wide"];
  for (const fold of ["1", "2"]) {
    const end = await place.run([...wide, "--fold", fold, "--out", `${fold}.onnx`]);
    expect(end.code, end.stderr).toBe(0);
    expect(end.stdout).toMatch(new RegExp(`^wide-fold-${fold} of small-`));
  }
  const [first, second] = ["1.onnx", "2.onnx"].map((name) => readFileSync(place.path(name))) as [
    Buffer,
    Buffer,
  ];
  expect(first.length).toBeGreaterThan(4 * 1348);
  expect(first.equals(second)).toBe(false);

  for (const [more, seen] of [
    [[], "none"],
    [["--fold", "3"], "3"],
  ] as const) {
    const end = await place.run([...wide, ...more]);
    expect(end.code).toBe(1);
    expect(end.stderr).toContain(`as it is cross-fitted: expected --fold 1 to 2, got ${seen}`);
  }
});
