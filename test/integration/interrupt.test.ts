import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { decode } from "../../shared/protocol/codec.ts";
import { Event } from "../../shared/protocol/events.ts";
import { eventsFilter } from "../../shared/protocol/subjects.ts";
import { type Cli, type CliEnd, eventually, labelCount, type Workspace, workspace } from "../helpers/cli.ts";
import { startNatsServer } from "../helpers/natsServer.ts";
import { SMALL_MESSAGES, SMALL_SAMPLES, smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000 });

/** Ctrl-C leaves nothing running after this, whatever was going on. */
const PROMISED_MS = 5_000;

it("Ctrl-C while teaching or labelling ends every process, and the same command goes on to the end", async () => {
  const place = await workspace();
  const command = ["run", await place.spec("small", smallSpec()), "--store", "store", "--out", "out"];

  const first = place.start(command);
  await teacherTrains(place, (await place.server("store")).url);
  const interrupted = await pressCtrlC(place, first);
  const run = /Run (small-\w+), report in/.exec(interrupted.stderr)?.[1] as string;
  expect(interrupted.stderr).toContain(`Interrupted. The same command goes on with run ${run}.`);

  const second = place.start(command);
  await second.says(`Going on with run ${run}.`);
  const bus = await place.watch((await place.server("store")).url);
  const labels = await eventually("labelling has begun", async () => {
    const count = await labelCount(bus);
    return count > 60 ? count : undefined;
  });
  expect(labels).toBeLessThan(SMALL_MESSAGES);
  await pressCtrlC(place, second);

  const report = await place.report(command.slice(1, 4), "out");
  expect(report.run).toBe(run);
  expect(report.labelLog.messages).toBe(SMALL_MESSAGES);
  // Of this attempt's only teacher node: what the interrupted one had appended was not predicted again.
  expect(report.teacherNodes).toHaveLength(1);
  expect(report.teacherNodes[0]?.samplesPredicted).toBeLessThanOrEqual(2 * SMALL_SAMPLES - 16 * labels);

  const again = await place.run(command);
  expect(again.code).toBe(0);
  expect(again.stderr).toContain(`Run ${run} has ended already; --fresh starts over.`);
  expect(again.stdout).toContain(report.student.weightsHash.slice(0, 16));

  const fresh = place.start([...command, "--fresh"]);
  await fresh.says(/Run small-\w+, report in/);
  expect(fresh.stderr).not.toContain(run);
  await pressCtrlC(place, fresh);
});

it("Ctrl-C before the server is up ends the run too", async () => {
  const place = await workspace();
  const run = place.start([
    "run",
    await place.spec("small", smallSpec()),
    "--store",
    "store",
    "--out",
    "out",
  ]);
  await run.says("report in");
  await pressCtrlC(place, run);
});

it("Ctrl-C while the server is away ends the run, and so it does a role alone", async () => {
  const place = await workspace();
  const server = await startNatsServer();
  try {
    const role = place.start(["teacher", "--nats", server.url]);
    await role.says("teacher node ready");
    const run = place.start([
      "run",
      await place.spec("small", smallSpec()),
      "--nats",
      server.url,
      "--out",
      "out",
    ]);
    await teacherTrains(place, server.url);
    await server.kill();
    // Said at once, not when the server is back.
    await run.says("lost the connection");

    role.signalGroup("SIGINT");
    await pressCtrlC(place, run);
    expect((await role.ended).code).toBe(0);
  } finally {
    await server.dispose();
  }
});

/** A teacher of some run is being trained just now. */
async function teacherTrains(place: Workspace, url: string): Promise<void> {
  const bus = await place.watch(url);
  let trains = false;
  const subscription = bus.subscribe(eventsFilter, ({ data }) => {
    const event = decode(Event, data, "event");
    if (event.type === "teacher-progress" && event.step < event.total) trains = true;
  });
  await eventually("a teacher is being trained", () => trains || undefined);
  subscription.unsubscribe();
}

/** As a terminal does: to the whole group. The command has the exit code of an interrupt, and nothing is left. */
async function pressCtrlC(place: Workspace, run: Cli): Promise<CliEnd> {
  run.signalGroup("SIGINT");
  const end = await Promise.race([run.ended, sleep(PROMISED_MS)]);
  if (!end) throw new Error(`Still there ${PROMISED_MS} ms after Ctrl-C:\n${run.stderr}`);
  expect(end.code, end.stderr).toBe(130);
  await eventually("no process is left", () => place.living().length === 0 || undefined, PROMISED_MS);
  return end;
}
