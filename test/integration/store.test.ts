import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { eventually, workspace } from "../helpers/cli.ts";
import { SMALL_SAMPLES, smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000 });

it("two runs at once share the store's server; it stays for the second, and ends with it", async () => {
  const place = await workspace();
  const one = place.start(["run", await place.spec("one", smallSpec()), "--store", "store", "--out", "one"]);
  const server = await place.server("store");
  // It must outlast the first; kernel by kernel a step takes ten and more times as long as compiled.
  const eagerly = !["compiled", undefined].includes(process.env.STILLHOUSE_BACKEND);
  const longer = smallSpec({
    name: "other",
    seeds: [2],
    student: {
      model: { arch: "mlp", hidden: [16] },
      train: { epochs: eagerly ? 100 : 1000, batch: 32 },
      checkpointSteps: 1000,
    },
  });
  const other = place.start(["run", await place.spec("other", longer), "--store", "store", "--out", "other"]);
  await other.says(`NATS server: ${server.url} (joined`);

  const first = await one.ended;
  expect(first.code, first.stderr).toBe(0);
  expect(first.stderr).toContain(`NATS server: ${server.url} (started`);
  expect(other.over).toBe(false);
  // Long enough for a keeper that counted only the first run to stop the server.
  await sleep(2_500);
  expect(other.over).toBe(false);
  expect(place.living().map(({ pid }) => pid)).toEqual(
    expect.arrayContaining([server.keeperPid, server.serverPid]),
  );

  const second = await other.ended;
  expect(second.code, second.stderr).toBe(0);
  // Each chunk was labelled for one of the two, or for both at once, and never twice.
  const { made, saved } = place.readReport("other").teacherPasses;
  expect(made + saved).toBe(2 * SMALL_SAMPLES);
  await eventually("no server is left", () => place.living().length === 0 || undefined);
});

it("a run that begins while the store's last keeper is still ending gets a server of its own", async () => {
  const place = await workspace();
  // A keeper that is stopping its server holds its lock and has told nobody of a server: this process stands for it.
  mkdirSync(place.path("store"));
  writeFileSync(place.path("store", "keeper.lock"), String(process.pid));
  const run = place.start([
    "run",
    await place.spec("small", smallSpec()),
    "--store",
    "store",
    "--out",
    "out",
  ]);
  await run.says("report in");
  // Long enough for a first keeper to find the lock and end.
  await sleep(1_500);
  expect(run.stderr).not.toContain("NATS server:");
  rmSync(place.path("store", "keeper.lock"));
  await run.says("(started, data in store)");
  run.signalGroup("SIGINT");
  expect((await run.ended).code).toBe(130);
  await eventually("no server is left", () => place.living().length === 0 || undefined);
});

it("a run on a copy of a store whose server is at work gets a server of its own", async () => {
  const place = await workspace();
  mkdirSync(place.path("copy"));
  // Whoever copies a folder copies what it says of the server, of which this process stands for both that keep it up.
  const listed = {
    ...{ folder: place.path("store"), keeperPid: process.pid, serverPid: process.pid },
    ...{ port: 1, name: "of-the-other", url: "nats://127.0.0.1:1" },
  };
  writeFileSync(place.path("copy", "server.json"), JSON.stringify(listed));
  const spec = await place.spec("small", smallSpec());
  const run = place.start(["run", spec, "--store", "copy", "--out", "out"]);
  await run.says("(started, data in copy)");
  run.signalGroup("SIGINT");
  expect((await run.ended).code).toBe(130);
  await eventually("no server is left", () => place.living().length === 0 || undefined);
});
