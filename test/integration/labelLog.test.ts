import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import type { ListedLabelling } from "../../coordinator/labelLog/listLabels.ts";
import { decode, encode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { labellingLabelsFilter, streams } from "../../shared/protocol/subjects.ts";
import { type CliEnd, eventually, labelCount, openWorkspace, type Workspace } from "../helpers/cli.ts";
import { type NatsServer, startNatsServer } from "../helpers/natsServer.ts";
import { subjectsOf } from "../helpers/subjectsOf.ts";
import { smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

/** Samples in 4,096 rows to train on and 512 to test on, in chunks of 64. */
const CHUNKS = 4096 / 64 + 512 / 64;
const SAMPLES = 4096 + 512;
const labels = { chunkSize: 64 };

describe("stillhouse labels", () => {
  let place: Workspace;
  let server: NatsServer;
  let spec: string;
  const run = (...args: string[]): Promise<CliEnd> => place.run(["labels", ...args, "--nats", server.url]);
  const ok = async (...args: string[]): Promise<string> => {
    const end = await run(...args);
    expect(end.code, end.stderr).toBe(0);
    return end.stdout;
  };
  const listed = async (...args: string[]): Promise<ListedLabelling[]> =>
    (JSON.parse(await ok("list", "--json", ...args)) as { labellings: ListedLabelling[] }).labellings;

  beforeAll(async () => {
    place = await openWorkspace();
    server = await startNatsServer();
    spec = await place.spec("spec", smallSpec({ labels }));
    await place.report([spec, "--nats", server.url], "live");
  });
  afterAll(async () => {
    await place.dispose();
    await server.dispose();
  });

  it("list tells what a run has left in the log", async () => {
    const all = await listed();
    expect(all.map(({ names }) => names[0]).sort()).toEqual(["deep", "wide"]);
    for (const one of all) {
      expect(one).toMatchObject({ encoding: "half", chunkSize: 64, classes: 4, messages: CHUNKS });
      expect(one.uses).toEqual([{ run: expect.stringMatching(/^small-/), state: "done" }]);
      const chunks = one.shards.map((shard) => shard.chunks);
      expect(chunks.map((of) => of?.complete).sort()).toEqual([4096 / 64, 512 / 64]);
      expect(one.shards.reduce((sum, { samples }) => sum + (samples ?? 0), 0)).toBe(SAMPLES);
    }
    // The server tells the size of a payload that it does not send: of 64 rows of 4 halves, and an envelope.
    const [{ bytes }] = all as [ListedLabelling];
    expect(bytes / CHUNKS).toBeGreaterThan(64 * 4 * 2);
    expect(bytes / CHUNKS).toBeLessThan(64 * 4 * 2 + 500);
    const text = await ok("list");
    expect(text).toContain(`view plain: 2 shards, ${CHUNKS} of ${CHUNKS} chunks complete, 4,608 samples`);
    const wide = all.find(({ names }) => names[0] === "wide") as ListedLabelling;
    expect(await listed("--labelling", wide.labelling)).toEqual([wide]);
    expect((await run("list", "--run", "none")).stderr).toMatch(
      /run "none": there is no such run; expected one/,
    );
  });

  it("export and import give the same labels as a teacher without a model, which verify cannot compute", async () => {
    expect((await run("export", spec, "--out", "x.npz")).stderr).toMatch(
      /it has 2: give --teacher, one of \[wide, deep\]/,
    );
    expect(await ok("export", spec, "--teacher", "wide", "--out", "wide.npz")).toContain("samples    4,608");
    const told = await ok("import", "wide.npz", "--data", spec);
    const { teachers } = parse(told.slice(told.indexOf("teachers:"))) as { teachers: object[] };
    const own = await place.spec("own", smallSpec({ labels, teachers }));
    const end = await run("verify", own);
    expect(end.code).toBe(1);
    expect(end.stdout).toBe(
      "wide  cannot be verified: its labels came from elsewhere, and nobody can compute them again\n",
    );
    await ok("export", own, "--out", "again.npz");
    const bus = await place.watch(server.url);
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    const payloads = async (labelling: string): Promise<Map<string, Uint8Array>> => {
      const found = new Map<string, Uint8Array>();
      for await (const { subject, data } of log.read(
        labellingLabelsFilter(labelling),
        new AbortController().signal,
        { until: "now" },
      )) {
        found.set(
          subject.slice(labellingLabelsFilter(labelling).length),
          decode(Labels, data, subject).payload,
        );
      }
      return found;
    };
    const all = await listed();
    const trained = all.find(({ names, imported }) => names.includes("wide") && !imported) as ListedLabelling;
    const imported = all.find((one) => one.imported === "wide.npz") as ListedLabelling;
    expect(await payloads(imported.labelling)).toEqual(await payloads(trained.labelling));
    await ok("prune", "--labelling", imported.labelling, "--yes");
    expect((await listed()).length).toBe(2);
  });

  it("verify finds what a node has computed right, and what somebody has changed", async () => {
    const right = await ok("verify", spec, "--share", "0.2", "--seed", "3");
    expect(right).toContain("wide  right: 960 samples computed again, 15 of 72 chunks in the log");
    expect(right).toContain("beyond it  0 at most");
    const bus = await place.watch(server.url);
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    const [{ labelling }] = (await listed()).filter(({ names }) => names[0] === "deep") as [ListedLabelling];
    const [subject] = (await subjectsOf(log, labellingLabelsFilter(labelling))) as [string];
    const message = (await log.get(subject)) as Uint8Array;
    const said = decode(Labels, message, subject);
    await log.purge(subject);
    await log.append(subject, encode(Labels, { ...said, payload: new Uint8Array(said.payload.length) }));
    const end = await run("verify", spec, "--teacher", "deep", "--share", "1", "--json");
    expect(end.code).toBe(1);
    const { teachers } = JSON.parse(end.stdout) as { teachers: { verdict: string; found: object }[] };
    expect(teachers).toMatchObject([
      { name: "deep", verdict: "wrong", found: { samples: SAMPLES, wrong: [] } },
    ]);
    await log.purge(subject);
    await log.append(subject, message);
    await ok("verify", spec, "--teacher", "deep", "--share", "1");
  });

  it("prune shows, asks, keeps what a run needs that is not over, and deletes", async () => {
    const bus = await place.watch(server.url);
    const before = await labelCount(bus);
    const dry = await ok("prune", "--older-than", "0", "--dry-run");
    expect(dry).toMatch(new RegExp(`wide {2}[0-9a-f]{32}: ${CHUNKS} messages of 2 shards`));
    expect(dry).toContain(`Nothing was deleted: --dry-run. It would be ${2 * CHUNKS} messages`);
    const unsaid = await run("prune", "--older-than", "0");
    expect(unsaid.code).toBe(1);
    expect(unsaid.stderr).toMatch(/Cannot delete 144 messages, .* as nobody has said so: give --yes/);
    expect((await run("prune")).stderr).toMatch(/Cannot prune without a choice/);
    expect(await ok("prune", "--older-than", "1", "--yes")).toContain("Nothing is to be deleted.");

    // A run of the same teachers that was stopped has not come to its end.
    const long = smallSpec({
      labels,
      student: { model: { arch: "mlp", hidden: [16] }, train: { epochs: 2000 } },
    });
    const other = place.start(["run", await place.spec("long", long), "--nats", server.url, "--out", "long"]);
    const known = await eventually("the run distils", async () =>
      (await listed()).flatMap(({ uses }) => uses).find(({ state }) => state === "distilling"),
    );
    other.signalGroup("SIGINT");
    expect((await other.ended).code).toBe(130);
    const [{ labelling }] = (await listed()) as [ListedLabelling];
    const refused = await run("prune", "--labelling", labelling, "--yes");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`needed by run ${known.run}, which is distilling`);
    const kept = await ok("prune", "--older-than", "0", "--yes");
    expect(kept).toContain("Nothing is to be deleted.\nstays\n");
    expect(await labelCount(bus)).toBe(before);

    await (await bus.kv("stillhouse-runs")).delete(known.run);
    expect(await ok("prune", "--older-than", "0", "--yes")).toContain(`Deleted ${2 * CHUNKS} messages`);
    expect(await labelCount(bus)).toBe(0);
    expect(await ok("list")).toContain("0 labellings, 0 messages, 0 bytes");
    expect((await run("export", spec, "--teacher", "wide", "--out", "no.npz")).stderr).toMatch(
      /as the log has 0 of 4608 samples/,
    );
    expect(existsSync(place.path("no.npz"))).toBe(false);
  });
});
