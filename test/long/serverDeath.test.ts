import { expect, it, vi } from "vitest";
import { eventually, workspace } from "../helpers/cli.ts";
import { smallSpec } from "../integration/specs.ts";

vi.setConfig({ testTimeout: 180_000 });

it("a nats-server that dies is started again by its keeper, and the run goes on", async () => {
  const place = await workspace();
  const run = place.start([
    "run",
    await place.spec("small", smallSpec()),
    "--store",
    "store",
    "--out",
    "out",
  ]);
  const { serverPid } = await place.server("store");
  await eventually("roles have joined", () => (run.stderr.includes("[0:0") ? true : undefined));
  process.kill(serverPid, "SIGKILL");
  await run.says("lost the connection");
  const end = await run.ended;
  expect(end.code, end.stderr).toBe(0);
  await eventually("no server is left", () => place.living().length === 0 || undefined);
});
