import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importLabels } from "../../coordinator/importLabels.ts";
import { type ExportLabelsOptions, exportLabels } from "../../coordinator/labelLog/exportLabels.ts";
import { findTeachers, type LogTeacher } from "../../coordinator/labelLog/findTeachers.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { LabelFileSpec } from "../../shared/config/labelFileSpec.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { type Dataset, rowOf, shardOf } from "../../shared/data/dataset.ts";
import { readNpz } from "../../shared/data/npz.ts";
import { openDataset } from "../../shared/data/open.ts";
import { viewHash, viewOf } from "../../shared/data/views/view.ts";
import { readLabelFile } from "../../shared/labels/labelFile.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { parseLabelsSubject, streams } from "../../shared/protocol/subjects.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { labelsByRow } from "../helpers/labelsOfLog.ts";
import { ManualClock } from "../helpers/manualClock.ts";
import { SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";
import { subjectsOf } from "../helpers/subjectsOf.ts";

const labels = { chunkSize: 32, encoding: "float32" } as const;
const never = new AbortController().signal;

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
let out: string;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
  out = await mkdtemp(join(tmpdir(), "stillhouse-export-"));
});
afterAll(async () => {
  await files.remove();
  await rm(out, { recursive: true, force: true });
});

async function afterRun(
  spec: RunSpec,
  body: (of: {
    cluster: Cluster;
    dataset: Dataset;
    teacher: LogTeacher;
    options: Omit<ExportLabelsOptions, "path">;
  }) => Promise<void>,
): Promise<void> {
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1");
    await cluster.run(spec);
    const dataset = await openDataset(spec.data, files.dir);
    const [teacher] = (await findTeachers(cluster.bus, spec, files.dir, dataset)) as [LogTeacher];
    const log = await cluster.labelLog();
    await body({
      ...{ cluster, dataset, teacher },
      options: {
        ...{ log, dataset, spec, teacher, partial: false, type: "float32", signal: never },
      },
    });
  });
}

async function arrays(path: string, ...names: string[]) {
  const found = readNpz(await readFile(path), path, names);
  return (name: string): number[] => {
    const array = found.get(name);
    if (!array) throw new Error(`${path} has no ${name}`);
    return Array.from({ length: array.shape.reduce((a, b) => a * b, 1) }, (_, i) => array.at(i));
  };
}

describe("an export of labels", () => {
  it("holds what the teacher said of each sample, by id, with splits and labels", async () => {
    await afterRun(smallSpec({ labels }), async ({ cluster, dataset, options }) => {
      const path = join(out, "ada.npz");
      const seen: [number, number][] = [];
      const exported = await exportLabels({ ...options, path, onProgress: (...at) => seen.push(at) });
      expect(exported).toMatchObject({ samples: SMALL_ROWS, needed: SMALL_ROWS });
      expect(exported.bytes).toBe((await readFile(path)).length);
      expect(seen.at(-1)).toEqual([SMALL_ROWS, SMALL_ROWS]);
      const of = await arrays(path, "ids", "logits", "splits", "labels");
      const said = labelsByRow((await cluster.labels()).values(), dataset, 32).sort(([a], [b]) => a - b);
      expect(of("ids")).toEqual(said.map(([id]) => id));
      expect(of("logits")).toEqual(said.flatMap(([, logits]) => [...logits]));
      expect(of("labels")).toEqual(of("ids").map((id) => dataset.labels[shardOf(id)]?.[rowOf(id)]));
      const split = new Map<number, number>();
      for (const [code, name] of (["train", "validation", "test"] as const).entries()) {
        for (const id of dataset.splits[name]) split.set(id, code);
      }
      expect(of("splits")).toEqual(of("ids").map((id) => split.get(id)));
    });
  });

  it("imported again gives the same labels, message by message", async () => {
    for (const encoding of ["float32", "half"] as const) {
      const labels = { chunkSize: 32, encoding };
      const spec = smallSpec({ labels });
      await afterRun(spec, async ({ cluster, dataset, options }) => {
        const path = join(out, `${encoding}.npz`);
        await exportLabels({ ...options, path, type: encoding === "half" ? "float16" : "float32" });
        const bus = createMemoryBus().connect();
        await importLabels({ path, probabilityFloor: 1e-7 }, out, {
          ...{ bus, clock: new ManualClock(), node: "import", dataset, labels, signal: never },
          onNotice: () => undefined,
        });
        const log = await bus.log(streams.labels.name, streams.labels.filter);
        const payloads = new Map<string, Uint8Array>();
        const place = (subject: string): string => {
          const { shard, view, chunk, part } = parseLabelsSubject(subject);
          return [shard, view, chunk, part].join("/");
        };
        for (const subject of await subjectsOf(log, streams.labels.filter)) {
          const message = (await log.get(subject)) as Uint8Array;
          payloads.set(place(subject), decode(Labels, message, subject).payload);
        }
        const before = await cluster.labels();
        expect(payloads.size).toBe(before.size);
        for (const [subject, message] of before) {
          expect(payloads.get(place(subject))).toEqual(decode(Labels, message, subject).payload);
        }
        await bus.close();
      });
    }
  });

  it("is the same file whatever of it is held at once, and whenever it is written", async () => {
    await afterRun(smallSpec(), async ({ options }) => {
      const whole = join(out, "whole.npz");
      await exportLabels({ ...options, path: whole });
      // Of 4 classes a row takes 16 bytes: 7 rows at once.
      const pieces = join(out, "pieces.npz");
      await exportLabels({ ...options, path: pieces, windowBytes: 7 * 16 });
      expect((await readFile(pieces)).equals(await readFile(whole))).toBe(true);
    });
  });

  it("refuses where labels are missing, or takes those that are there", async () => {
    await afterRun(smallSpec({ labels }), async ({ cluster, dataset, options, teacher }) => {
      const [gone] = [...(await cluster.labels())] as [[string, Uint8Array]];
      const lost = decode(Labels, gone[1], "labels").shape[0];
      await options.log.purge(gone[0]);
      const path = join(out, "partial.npz");
      await expect(exportLabels({ ...options, path })).rejects.toThrow(
        new RegExp(
          `Cannot export the labels of teacher "ada" as the log has ${SMALL_ROWS - lost} of ${SMALL_ROWS} samples under labelling ${teacher.labelling} .*expected all; .*--partial`,
        ),
      );
      expect(existsSync(path)).toBe(false);
      const exported = await exportLabels({ ...options, path, partial: true });
      expect(exported).toMatchObject({ samples: SMALL_ROWS - lost, needed: SMALL_ROWS });
      const of = await arrays(path, "ids", "logits");
      const said = labelsByRow((await cluster.labels()).values(), dataset, 32).sort(([a], [b]) => a - b);
      expect(of("ids")).toEqual(said.map(([id]) => id));
      expect(of("logits")).toEqual(said.flatMap(([, logits]) => [...logits]));
      await options.log.purge(streams.labels.filter);
      await expect(exportLabels({ ...options, path, partial: true })).rejects.toThrow(/has 0 of 250 samples/);
    });
  });

  it("is of one view, and of the training samples alone where that is not the samples themselves", async () => {
    const views = { count: 2, recipe: [{ kind: "noise", deviation: 0.1 }] } as const;
    await afterRun(smallSpec({ labels, views } as never), async ({ cluster, dataset, options }) => {
      const view = viewHash(viewOf(options.spec.views, 1), dataset);
      const path = join(out, "view.npz");
      const exported = await exportLabels({ ...options, path, view: 1 });
      expect(exported).toMatchObject({ samples: 200, needed: 200 });
      await expect(readLabelFile(LabelFileSpec.parse({ path }), ".")).rejects.toThrow(
        /its labels are of view 1, samples that were changed; expected those of the samples themselves, view 0/,
      );
      const of = await arrays(path, "ids", "logits");
      const messages = [...(await cluster.labels())].flatMap(([subject, message]) =>
        parseLabelsSubject(subject).view === view ? [message] : [],
      );
      const said = labelsByRow(messages, dataset, 32).sort(([a], [b]) => a - b);
      expect(of("ids")).toEqual(Array.from({ length: 200 }, (_, row) => row));
      expect(of("logits")).toEqual(said.flatMap(([, logits]) => [...logits]));
      await exportLabels({ ...options, path });
      expect((await arrays(path, "logits"))("logits").slice(0, 800)).not.toEqual(of("logits"));
      await expect(exportLabels({ ...options, path, view: 2 })).rejects.toThrow(
        /Cannot export labels of view 2 as teachers of this spec label views 0 to 1/,
      );
    });
  });

  it("needs no labels that no student sees: those of classes that the transfer set lacks", async () => {
    // Chunks of one row each: those whose sample nobody sees are not labelled.
    const spec = smallSpec({ labels: { ...labels, chunkSize: 1 } }, { transfer: { without: [3] } });
    await afterRun(spec, async ({ options, dataset }) => {
      const path = join(out, "transfer.npz");
      const exported = await exportLabels({ ...options, path });
      const left = [...dataset.splits.train].filter(
        (id) => dataset.labels[shardOf(id)]?.[rowOf(id)] === 3,
      ).length;
      expect(left).toBeGreaterThan(20);
      expect(exported).toMatchObject({ samples: SMALL_ROWS - left, needed: SMALL_ROWS - left });
    });
  });

  it("leaves no file where it ends before its end", async () => {
    await afterRun(smallSpec({ labels }), async ({ cluster, options }) => {
      const path = join(out, "none.npz");
      const stop = new AbortController();
      const stopping = exportLabels({
        ...{ ...options, path, windowBytes: 7 * 16, signal: stop.signal },
        onProgress: () => stop.abort(new Error("stopped by SIGINT")),
      });
      await expect(stopping).rejects.toThrow("stopped by SIGINT");
      const [subject, bytes] = [...(await cluster.labels())][0] as [string, Uint8Array];
      await options.log.purge(subject);
      await options.log.append(subject, bytes.subarray(0, 50));
      await expect(exportLabels({ ...options, path })).rejects.toThrow(/labels at stillhouse\.labels\./);
      expect((await readdir(out)).filter((name) => name.startsWith("none"))).toEqual([]);
      await writeFile(join(out, "file"), "");
      await expect(exportLabels({ ...options, path: join(out, "file", "x.npz") })).rejects.toThrow(
        /Cannot write ".*x\.npz" .*; choose another --out/,
      );
    });
  });
});
