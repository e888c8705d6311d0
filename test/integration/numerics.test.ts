import { expect, it, vi } from "vitest";
import { eventually, labelCount, workspace } from "../helpers/cli.ts";
import { SMALL_MESSAGES, smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000 });

it("a run that began on one backend is not gone on with on another, and the waiting run says why", async () => {
  const place = await workspace();
  const command = ["run", await place.spec("small", smallSpec()), "--store", "store", "--out", "out"];
  const first = place.start([...command, "--backend", "cpu"]);
  const bus = await place.watch((await place.server("store")).url);
  await eventually("labelling has begun", async () => (await labelCount(bus)) > 60 || undefined);
  first.signalGroup("SIGINT");
  await first.ended;

  const second = place.start([...command, "--backend", "wasm"]);
  await second.says("Going on with run");
  // The first run's server may have ended with it.
  const again = await place.watch((await place.server("store")).url);
  const labels = await labelCount(again);
  expect(labels).toBeLessThan(SMALL_MESSAGES);
  await second.says(/waiting \d+ s: no teacher node serves teacher "(wide|deep)"; Cannot serve as teacher/);
  expect(second.stderr).toMatch(
    /wasm [\d.]+, 1 thread, .* against cpu [\d.]+, 1 thread, .* largest difference of a logit is/,
  );
  expect(await labelCount(again)).toBe(labels);
  second.signalGroup("SIGINT");
  await second.ended;

  // Where it began, it ends.
  const report = await place.report([...command.slice(1, 4), "--backend", "cpu"], "out");
  expect(report.labelLog.messages).toBe(SMALL_MESSAGES);
  expect(report.teachers.map(({ computers }) => computers.map(({ backend }) => backend))).toEqual([
    ["cpu"],
    ["cpu"],
  ]);
});
