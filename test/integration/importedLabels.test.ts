import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { RunSpec } from "../../shared/config/spec.ts";
import { ImportedTeacherSpec } from "../../shared/config/teacherSpec.ts";
import { openDataset } from "../../shared/data/open.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import { openWorkspace, type Workspace } from "../helpers/cli.ts";
import { labelsByRow, npzOf } from "../helpers/labelsOfLog.ts";
import { withNatsServer } from "../helpers/natsServer.ts";
import { subjectsOf } from "../helpers/subjectsOf.ts";
import { smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

/** Samples in 4,096 rows to train on and 512 to test on, in chunks of 64. */
const CHUNKS = 4096 / 64 + 512 / 64;
const labels = { chunkSize: 64, encoding: "float32" };

describe("stillhouse labels import", () => {
  let place: Workspace;
  let report: Report;
  let spec: string;

  beforeAll(async () => {
    place = await openWorkspace();
    const teachers = [
      { name: "wide", model: { arch: "mlp", hidden: [64] }, train: { epochs: 2, batch: 64 } },
    ];
    const written = smallSpec({ teachers, labels });
    spec = await place.spec("live", written);
    await withNatsServer(async ({ url }) => {
      report = await place.report([spec, "--nats", url], "live");
      const bus = await place.watch(url);
      const log = await bus.log(streams.labels.name, streams.labels.filter);
      const dataset = await openDataset(RunSpec.parse(written).data, place.folder);
      const messages: Uint8Array[] = [];
      const labelling = report.teachers[0]?.labelling as string;
      for (const { hash } of dataset.shards) {
        for (const subject of await subjectsOf(log, `stillhouse.labels.${labelling}.${hash}.>`)) {
          messages.push((await log.get(subject)) as Uint8Array);
        }
      }
      expect(messages.length).toBe(CHUNKS);
      await writeFile(place.path("wide.npz"), npzOf(labelsByRow(messages, dataset, 64)));
    });
  });
  afterAll(() => place.dispose());

  it("puts labels into the log of a store, as a teacher from which a run gets the same weights", async () => {
    const command = ["labels", "import", "wide.npz", "--data", spec, "--store", "store"];
    const first = await place.run(command);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toContain("wide.npz  logits of 4,608 samples of synthetic");
    expect(first.stdout).toContain("72 chunks of 64 as float32, 0 of them were there");
    const again = await place.run(command);
    expect(again.stdout).toContain("72 chunks of 64 as float32, 72 of them were there");

    const printed = parse(again.stdout.slice(again.stdout.indexOf("teachers:"))) as { teachers: unknown[] };
    const teacher = ImportedTeacherSpec.parse(printed.teachers[0]);
    expect(teacher.name).toBe("wide");
    const own = await place.spec("own", smallSpec({ teachers: [teacher], labels }));
    const plan = await place.run(["plan", own]);
    expect(plan.stdout).toContain("0 teacher passes if the log is empty");
    expect(plan.stdout).toContain("those of wide come from elsewhere and need no pass");

    const same = await place.report([own, "--store", "store"], "own");
    expect(same.student.weightsHash).toBe(report.student.weightsHash);
    expect(same.teachers[0]).toMatchObject({ source: "imported", accuracy: report.teachers[0]?.accuracy });
    expect(same.teacherPasses).toEqual({ made: 0, saved: 0 });
    expect(same.labelLog.messages).toBe(CHUNKS);
  });

  it("stores them as the spec says of one teacher, and prints that too", async () => {
    const encoding = { kind: "top-k", k: 2 } as const;
    const teachers = [{ name: "gpt", labels: { path: "wide.npz" }, encoding }];
    const mixed = await place.spec("mixed", smallSpec({ teachers, labels }));
    const command = ["labels", "import", "wide.npz", "--data", mixed, "--store", "mixed-store"];
    const stranger = await place.run([...command, "--teacher", "bert"]);
    expect(stranger.code).toBe(1);
    expect(stranger.stderr).toContain('Cannot import labels for teacher "bert": the spec has [gpt]');
    const { stdout } = await place.run([...command, "--teacher", "gpt"]);
    expect(stdout).toContain("72 chunks of 64 as top-k 2 at T 1, 4, 0 of them were there");
    const printed = parse(stdout.slice(stdout.indexOf("teachers:"))) as { teachers: unknown[] };
    const teacher = ImportedTeacherSpec.parse(printed.teachers[0]);
    expect(teacher.encoding).toMatchObject(encoding);
    const own = await place.spec("own-mixed", smallSpec({ teachers: [teacher], labels }));
    const { teachers: told, labelLog } = await place.report([own, "--store", "mixed-store"], "own-mixed");
    expect(told[0]?.storage.encoding).toBe("top-k 2 at T 1, 4");
    expect(labelLog.messages).toBe(CHUNKS);
  });

  it("says what is wrong with a file, and writes nothing", async () => {
    await withNatsServer(async ({ url }) => {
      const half = await place.spec(
        "wider",
        smallSpec({ data: { format: "synthetic", train: 4160, test: 512 } }),
      );
      const end = await place.run(["labels", "import", "wide.npz", "--data", half, "--nats", url]);
      expect(end.code).toBe(1);
      expect(end.stderr).toMatch(
        /Cannot use the labels of "wide\.npz": it lacks 64 of the 4672 samples of the data \(/,
      );
      const bad = await place.run([
        "labels",
        "import",
        "wide.npz",
        "--data",
        spec,
        "--nats",
        url,
        "--floor",
        "2",
      ]);
      expect(bad.code).toBe(1);
      expect(bad.stderr).toMatch(/Cannot import "wide\.npz": probabilityFloor:/);
      const bus = await place.watch(url);
      expect((await (await bus.log(streams.labels.name, streams.labels.filter)).size()).messages).toBe(0);
    });
  });
});
