import { beforeAll, describe, expect, it, vi } from "vitest";
import { buckets, streams } from "../../shared/protocol/subjects.ts";
import { eventually, labelCount, workspace } from "../helpers/cli.ts";
import { withNatsManager } from "../helpers/natsManager.ts";
import { withNatsServer } from "../helpers/natsServer.ts";
import { calmHash, SMALL_MESSAGES, smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let hash: string;
beforeAll(async () => {
  hash = await calmHash();
});

describe("the commands of runs", () => {
  it("pause, list, resume, stop and cancel one that is at work", async () => {
    await withNatsServer(async ({ url }) => {
      const place = await workspace();
      const spec = await place.spec("small", smallSpec());
      const command = ["run", spec, "--nats", url, "--out", "out"];
      const tell = async (...of: string[]): Promise<string> => {
        const end = await place.run([...of, "--nats", url]);
        expect(end.code, end.stderr).toBe(0);
        return end.stderr + end.stdout;
      };
      const first = place.start(command);
      await first.says(/Run small-\w+,/);
      const run = /Run (small-\w+),/.exec(first.stderr)?.[1] as string;
      const bus = await place.watch(url);
      await eventually("labelling has begun", async () => (await labelCount(bus)) > 60 || undefined);

      expect(await tell("pause", run)).toContain(`Run ${run} is paused.`);
      const listing = await place.run(["runs", "--json", "--nats", url]);
      const [listed] = JSON.parse(listing.stdout) as object[];
      expect(listed).toMatchObject({ run, state: "paused", pausedIn: "distilling", stopped: false });
      const labelled = await labelCount(bus);
      expect(labelled).toBeLessThan(SMALL_MESSAGES);
      // The folder that was its --out names it too.
      expect(await tell("resume", place.path("out"))).toContain(`Run ${run} is distilling.`);
      await eventually("labelling goes on", async () => (await labelCount(bus)) > labelled + 2 || undefined);

      await tell("stop", run);
      const stopped = await first.ended;
      expect(stopped.code, stopped.stderr).toBe(130);
      expect(stopped.stderr).toContain(`Told to stop. The same command goes on with run ${run}.`);
      expect(await tell("runs")).toMatch(/small-\w+ +distilling, stopped/);

      const second = await place.run(command);
      expect(second.code, second.stderr).toBe(0);
      expect(place.readReport("out").student.weightsHash).toBe(hash);
      const late = await place.run(["cancel", run, "--nats", url]);
      expect(late.code).toBe(1);
      expect(late.stderr).toContain(`Cannot cancel run ${run} as it is done`);

      const other = place.start(["run", spec, "--nats", url, "--out", "other"]);
      const runs = await bus.kv(buckets.runs);
      await eventually("the server knows it", async () => (await runs.keys("*")).length === 2 || undefined);
      await tell("cancel", place.path("other"));
      const cancelled = await other.ended;
      expect(cancelled.code).toBe(1);
      expect(cancelled.stderr).toMatch(/Run small-\w+ was cancelled: start it anew under another id/);
    });
  });

  it("lists nothing in quarantine where nothing is", async () => {
    await withNatsServer(async ({ url }) => {
      const place = await workspace();
      const { stdout } = await place.run(["quarantine", "list", "--nats", url]);
      expect(stdout).toBe("nothing is in quarantine\n");
    });
  });
});

describe("a label log without room", () => {
  it("holds up a run, which says so, and goes on to the same weights when there is room", async () => {
    await withNatsServer(async ({ url }) => {
      const place = await workspace();
      const run = place.start(["run", await place.spec("small", smallSpec()), "--nats", url, "--out", "out"]);
      const bus = await place.watch(url);
      await eventually("labelling has begun", async () => (await labelCount(bus)) > 60 || undefined);
      await withNatsManager(url, async (manager) => {
        const limit = async (maxBytes: (bytes: number) => number): Promise<void> => {
          const { config, state } = await manager.streams.info(streams.labels.name);
          await manager.streams.update(streams.labels.name, { ...config, max_bytes: maxBytes(state.bytes) });
        };
        await limit((bytes) => bytes + 1);
        await run.says(/waits for room: Cannot append to "stillhouse.labels.*has no room/);
        expect(await labelCount(bus)).toBeLessThan(SMALL_MESSAGES);
        await limit(() => -1);
      });
      const end = await run.ended;
      expect(end.code, end.stderr).toBe(0);
      expect(place.readReport("out").student.weightsHash).toBe(hash);
    });
  });

  it("refuses a run before it asks for labels, and says how much there is", async () => {
    await withNatsServer(async ({ url }) => {
      const place = await workspace();
      await place.watch(url).then((bus) => bus.log(streams.labels.name, streams.labels.filter));
      await withNatsManager(url, async (manager) => {
        const { config } = await manager.streams.info(streams.labels.name);
        await manager.streams.update(streams.labels.name, { ...config, max_bytes: 20_000 });
      });
      const end = await place.run([
        "run",
        await place.spec("small", smallSpec()),
        "--nats",
        url,
        "--out",
        "out",
      ]);
      expect(end.code).toBe(1);
      expect(end.stderr).toMatch(
        /the label log may be too small: Cannot take \d+ bytes of labels as max_bytes of the stream STILLHOUSE_LABELS is 20000, and 20000 are left/,
      );
      expect(end.stderr).toMatch(/failed before it asked for labels/);
    });
  });
});
