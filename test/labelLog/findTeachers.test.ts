import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportLabels } from "../../coordinator/labelLog/exportLabels.ts";
import { findTeachers, type LogTeacher } from "../../coordinator/labelLog/findTeachers.ts";
import { verifyLabels } from "../../coordinator/labelLog/verifyLabels.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { rowOf, shardOf } from "../../shared/data/dataset.ts";
import { readNpz } from "../../shared/data/npz.ts";
import { openDataset } from "../../shared/data/open.ts";
import { sha256 } from "../../shared/determinism/hash.ts";
import { TeacherEngine } from "../../teacher-node/engine.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { preferredBackend } from "../helpers/preferredBackend.ts";
import { fileTeacher, smallSpec, trainedTeacher, writeTeacherFiles } from "../helpers/smallRun.ts";

const never = new AbortController().signal;

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

async function found(cluster: Cluster, spec: RunSpec, only?: string): Promise<LogTeacher[]> {
  const dataset = await openDataset(spec.data, files.dir);
  return cluster.drive(findTeachers(cluster.bus, spec, files.dir, dataset, only));
}

/** Computes all labels of a spec's teachers again, with the engine of a node. */
async function verifyAll(cluster: Cluster, spec: RunSpec) {
  const dataset = await openDataset(spec.data, files.dir);
  const engine = new TeacherEngine({ prefer: preferredBackend });
  await engine.openData(dataset);
  const verified = [];
  for (const teacher of await found(cluster, spec)) {
    const { name, labelling, features, model } = teacher;
    if (!model) throw new Error(`${name} has no model`);
    const { classes, inputShape, hash } = dataset;
    const { compute } = (await cluster.record()).spec;
    const load = {
      labelling,
      name,
      features,
      model: model.of,
      bytes: await model.bytes(),
      classes,
      inputShape,
    };
    await engine.load({ ...load, dataHash: hash, compute });
    verified.push(
      await verifyLabels({
        ...{ log: await cluster.labelLog(), dataset, spec, teacher, share: 1, seed: 0, temperatures: [1] },
        predict: (shard, rows, view) => engine.predict(labelling, hash, shard, rows, view),
        signal: never,
      }),
    );
  }
  await engine.close();
  return verified;
}

describe("findTeachers()", () => {
  it("finds what a run has called ready, of every kind, and its labels are the same when computed again", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1", { real: true });
      cluster.student("s1");
      const folds = { ...(trainedTeacher("folds", 1) as object), crossFit: 2 };
      const first = smallSpec({ teachers: [trainedTeacher("own"), folds as never], seeds: [1, 2] });
      await cluster.run(first);
      const second = smallSpec({ teachers: [{ name: "before", student: { run: "r1", seed: 2 } }] });
      await cluster.run(second, "r2");
      for (const [spec, run] of [
        [first, "r1"],
        [second, "r2"],
      ] as const) {
        const { teachers } = await cluster.record(run);
        const ready = teachers.map(({ name, ready: is }) => ({
          ...{ name, identity: is?.identity, labelling: is?.labelling },
          ...{ encoding: is?.encoding, features: is?.features },
        }));
        expect((await found(cluster, spec)).map(({ model: _model, ...rest }) => rest)).toEqual(ready);
        for (const verified of await verifyAll(cluster, spec)) {
          expect(verified).toMatchObject({ beyondRounding: 0, wrong: [], sameTop: 1 });
        }
      }
      expect((await found(cluster, first, "folds")).map(({ name }) => name)).toEqual(["folds"]);
    });
  });

  it("refuses a teacher that the spec does not have, and one that was never trained", async () => {
    await withCluster(files.dir, async (cluster) => {
      const spec = smallSpec({ teachers: [fileTeacher("ada"), trainedTeacher("own")] });
      await expect(found(cluster, spec, "eve")).rejects.toThrow(
        'Cannot find teacher "eve" in spec "small": expected one of [ada, own]',
      );
      await expect(found(cluster, spec)).rejects.toThrow(
        /Cannot find teacher "own" of spec "small" as memory has no weights of its recipe \([0-9a-f]{32}\); run the spec first/,
      );
      const [ada] = (await found(cluster, spec, "ada")) as [LogTeacher];
      const bytes = (await ada.model?.bytes()) as Uint8Array;
      expect(sha256(bytes)).toBe(ada.model?.of.artifact);
    });
  });
});

describe("labels of a regression", () => {
  it("are verified without softmaxes, and exported as values beside their targets", async () => {
    const spec = smallSpec(
      {
        teachers: [trainedTeacher("own")],
        distill: { loss: { kind: "value-mse" } },
        labels: { encoding: "float32", chunkSize: 32 },
      } as Parameters<typeof smallSpec>[0],
      { task: "regression", outputs: 2 } as Parameters<typeof smallSpec>[1],
    );
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1", { real: true });
      cluster.student("s1");
      await cluster.runTask(spec);
      const [verified] = await verifyAll(cluster, spec);
      expect(verified).toMatchObject({ beyondRounding: 0, kl: [], sameTop: null, samples: 250 });
      const dataset = await openDataset(spec.data, files.dir);
      const [teacher] = (await found(cluster, spec)) as [LogTeacher];
      const path = join(files.dir, "values.npz");
      await exportLabels({
        ...{ log: await cluster.labelLog(), dataset, spec, teacher, path },
        ...{ partial: false, type: "float32", signal: never },
      });
      const arrays = readNpz(await readFile(path), path, ["values", "targets", "ids", "labels"]);
      expect([...arrays.keys()].sort()).toEqual(["ids", "targets", "values"]);
      const targets = arrays.get("targets");
      expect(targets?.shape).toEqual([250, 2]);
      expect(arrays.get("values")?.shape).toEqual([250, 2]);
      const id = arrays.get("ids")?.at(249) as number;
      expect(targets?.at(499)).toBe(dataset.targets?.values[shardOf(id)]?.[rowOf(id) * 2 + 1]);
    });
  });
});
